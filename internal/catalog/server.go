package catalog

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// Server is what a database server says it is.
type Server struct {
	// Dialect is GORM's name, such as "sqlite", "postgres" or "mysql".
	Dialect string
	// MariaDB tells MariaDB from MySQL; the version is then MariaDB's own.
	MariaDB bool
	// Flavor names a server that speaks a dialect without being its origin:
	// "Vitess", "TiDB", "CockroachDB", "YugabyteDB", "Redshift", or "". The version
	// is then the one it claims to be compatible with.
	Flavor string
	// Major, Minor and Patch are the version. PostgreSQL has no patch level: 15.4
	// is Major 15, Minor 4.
	Major, Minor, Patch int
}

// AtLeast reports whether the version is major.minor.patch or later.
func (s Server) AtLeast(major, minor, patch int) bool {
	if s.Major != major {
		return s.Major > major
	}
	if s.Minor != minor {
		return s.Minor > minor
	}
	return s.Patch >= patch
}

// LoadServer asks the server what it is. It reads no table, takes no snapshot and
// is safe inside a transaction. Of an unknown dialect it says nothing but the name.
func LoadServer(ctx context.Context, conn audit.Conn, dialect string) (Server, error) {
	d, known := databaseOf(dialect)
	if !known {
		return Server{Dialect: dialect}, nil
	}
	rows, err := queryStrings(ctx, conn, d.version)
	if err != nil {
		return Server{}, fmt.Errorf("auditplugin: reading the server's version: %w", err)
	}
	if len(rows) != 1 {
		return Server{}, fmt.Errorf("auditplugin: reading the server's version: %d rows", len(rows))
	}
	return parseServer(dialect, rows[0][0], rows[0][1])
}

var versionPattern = regexp.MustCompile(`(\d+)(?:\.(\d+))?(?:\.(\d+))?`)

// parseServer reads version texts such as "8.0.36", "5.5.5-10.11.6-MariaDB-log"
// and "PostgreSQL 15.4 (Debian 15.4-1) on x86_64"; detail is server_version_num
// on PostgreSQL and the version comment on MySQL.
func parseServer(dialect, version, detail string) (Server, error) {
	s := Server{Dialect: dialect}
	both := strings.ToLower(version + " " + detail)
	for _, f := range [...]struct{ mark, flavor string }{
		{"vitess", "Vitess"},
		{"tidb", "TiDB"},
		{"cockroachdb", "CockroachDB"},
		{"-yb-", "YugabyteDB"},
		{"redshift", "Redshift"},
	} {
		if strings.Contains(both, f.mark) {
			s.Flavor = f.flavor
			break
		}
	}
	var match []string
	if d, _ := databaseOf(dialect); d.numbers != nil {
		match = d.numbers(&s, version, detail)
	}
	if match == nil {
		match = versionPattern.FindStringSubmatch(version)
	}
	if match == nil {
		return s, fmt.Errorf("auditplugin: the server's version %q is not understood", version)
	}
	s.Major, s.Minor, s.Patch = number(match[1]), number(match[2]), number(match[3])
	return s, nil
}
