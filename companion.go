package auditplugin

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/companion"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// companionServer reports whether statements can be marked on a server.
func companionServer(s catalog.Server) error {
	switch {
	case s.Dialect == dialect.SQLite && s.AtLeast(3, 38, 0), s.Dialect == dialect.Postgres && s.Flavor == "" && s.AtLeast(13, 0, 0),
		s.MariaDB && s.AtLeast(10, 7, 0):
		return nil
	case s.Dialect == dialect.MySQL && !s.MariaDB:
		return fmt.Errorf("%w: WithCompanion: MySQL has nothing by which a trigger could know the plugin's statements for certain; use MariaDB, or leave it out", ErrInvalidOption)
	}
	return fmt.Errorf("%w: WithCompanion needs SQLite 3.38, PostgreSQL 13 or MariaDB 10.7, or later, not %s %s %d.%d", ErrInvalidOption, s.Dialect, s.Flavor, s.Major, s.Minor)
}

// companionTables creates the tables that hold the marks on SQLite.
func (p *Plugin) companionTables(ctx context.Context, conn audit.Conn, d *dialect.Dialect) error {
	if !p.cfg.companion || d.Name() != dialect.SQLite {
		return nil
	}
	for _, statement := range companion.Tables() {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("auditplugin: WithCompanion: creating the tables of its marks: %w", err)
		}
	}
	return nil
}

// CompanionTable is for package trigger: what the plugin knows of a model's table, as the
// catalog has it now, and what a record of it would hold: values up to limit bytes and,
// where onlyTimestamps is set, no updates of timestamps alone. A model is a struct, a
// pointer to one, or the name of a table.
func (p *Plugin) CompanionTable(ctx context.Context, db *gorm.DB, model any) (t *table.Table, limit int, onlyTimestamps bool, err error) {
	if p.tables == nil {
		return nil, 0, false, fmt.Errorf("%w: the plugin is not installed, or turned off", ErrInvalidOption)
	}
	name, s, err := table.OfModel(db, model)
	if err != nil {
		return nil, 0, false, fmt.Errorf("%w: %w", ErrInvalidOption, err)
	}
	m := p.tables.Model(s, name.Name)
	if m.Err != nil {
		return nil, 0, false, m.Err
	}
	conn := p.follower.DeliveryAt(db.Statement.ConnPool).Outside
	if tx := neighbour.Transaction(db.Statement.ConnPool); tx != nil {
		conn = tx
	}
	described, err := catalog.Load(ctx, conn, p.dialect.Name(), name.Schema, name.Name)
	if err != nil {
		return nil, 0, false, err
	}
	return table.New(p.dialect, m, described, name), p.cfg.maxValue, p.cfg.noTimestamps, nil
}

// Companion reports whether the plugin marks its statements for companion triggers.
func (p *Plugin) Companion() bool { return p.cfg.companion }
