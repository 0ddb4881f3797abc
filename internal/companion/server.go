package companion

import (
	"context"
	"errors"
	"fmt"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
)

var errVersion = errors.New("companion triggers need SQLite 3.38, PostgreSQL 13, MariaDB 10.7 or MySQL 8.4, or later")

// from is nil for a server that is new enough.
func from(ok bool) error {
	if ok {
		return nil
	}
	return errVersion
}

// Supports says why statements can not be marked on a server, nil where they can.
func Supports(s catalog.Server) error { return marksOf(s).unable }

// Prepare creates the tables that hold the marks on SQLite, and asks MySQL whether it, and
// what stands before it, heeds the mark.
func Prepare(ctx context.Context, conn audit.Conn, s catalog.Server) error {
	m := marksOf(s)
	if m.probe != nil {
		if err := m.probe(ctx, conn); err != nil {
			return fmt.Errorf("auditplugin: WithCompanion: %w", err)
		}
	}
	for _, statement := range m.tables {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("auditplugin: WithCompanion: creating the tables of its marks: %w", err)
		}
	}
	return nil
}
