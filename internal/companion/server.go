package companion

import (
	"context"
	"errors"
	"fmt"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
)

var errVersion = errors.New("companion triggers need SQLite 3.38, PostgreSQL 13 or MariaDB 10.7, or later")

// Supports says why statements can not be marked on a server, nil where they can.
func Supports(s catalog.Server) error { return marksOf(s.Dialect).since(s) }

// Prepare creates the tables that hold the marks on SQLite; elsewhere there are none.
func Prepare(ctx context.Context, conn audit.Conn, dialect string) error {
	for _, statement := range marksOf(dialect).tables {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("auditplugin: WithCompanion: creating the tables of its marks: %w", err)
		}
	}
	return nil
}
