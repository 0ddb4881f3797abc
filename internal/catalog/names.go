package catalog

import (
	"context"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// Names asks a connection what decides the meaning of names on it: the role, the search
// path, the current database. query returns them in one row; they come back as one text.
func Names(ctx context.Context, conn audit.Conn, query string) (string, error) {
	rows, err := queryStrings(ctx, conn, query)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return strings.Join(rows[0], "\x00"), nil
}
