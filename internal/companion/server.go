package companion

import (
	"context"
	"errors"
	"fmt"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
)

var (
	errMySQL   = errors.New("MySQL has nothing by which a trigger could know the plugin's statements for certain; use MariaDB, or leave WithCompanion out")
	errVersion = errors.New("companion triggers need SQLite 3.38, PostgreSQL 13 or MariaDB 10.7, or later")
)

// Supports says why statements can not be marked on a server, nil where they can.
func Supports(s catalog.Server) error {
	switch {
	case s.Dialect == "sqlite" && s.AtLeast(3, 38, 0), s.Dialect == "postgres" && s.Flavor == "" && s.AtLeast(13, 0, 0),
		s.MariaDB && s.AtLeast(10, 7, 0):
		return nil
	case s.Dialect == "mysql" && !s.MariaDB:
		return errMySQL
	}
	return errVersion
}

// Prepare creates the tables that hold the marks on SQLite; elsewhere there are none.
func Prepare(ctx context.Context, conn audit.Conn, dialect string) error {
	if dialect != "sqlite" {
		return nil
	}
	for _, statement := range Tables() {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("auditplugin: WithCompanion: creating the tables of its marks: %w", err)
		}
	}
	return nil
}
