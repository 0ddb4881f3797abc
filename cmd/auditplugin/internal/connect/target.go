package connect

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
)

// Target is a database that can be opened.
type Target struct {
	// Dialect is what GORM calls it: sqlite, postgres or mysql.
	Dialect  string
	dsn      string
	password string
	// shown tells that the password stands in the address.
	shown    bool
	postgres *pgx.ConnConfig
	mysql    *mysql.Config
	path     string // of sqlite
}

var scheme = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+]*)://`)

// Parse takes an address apart: a URL (postgres, mysql, mariadb, sqlite, file), what
// the drivers of PostgreSQL and MySQL take, or the path of an SQLite file.
func Parse(dsn string) (Target, error) {
	if dsn == "" {
		return Target{}, ErrNoDatabase
	}
	kind := ""
	if m := scheme.FindStringSubmatch(dsn); m != nil {
		kind = strings.ToLower(m[1])
	}
	switch {
	case kind == "postgres", kind == "postgresql", strings.Contains(dsn, "host=") && kind == "" && !strings.HasPrefix(dsn, "file:"):
		return parsePostgres(dsn)
	case kind == "mysql", kind == "mariadb":
		return parseMySQLURL(dsn)
	case kind == "sqlite", kind == "sqlite3", kind == "file":
		return parseSQLite(dsn[len(kind)+3:])
	case kind != "":
		return Target{}, fmt.Errorf("%w: its scheme is %q, not postgres, mysql, mariadb, sqlite or file", ErrDSN, kind)
	case strings.HasPrefix(dsn, "sqlite:"), strings.HasPrefix(dsn, "file:"):
		_, rest, _ := strings.Cut(dsn, ":")
		return parseSQLite(rest)
	case strings.Contains(dsn, ")/"):
		return parseMySQL(dsn)
	case slices.Contains([]string{".db", ".sqlite", ".sqlite3", ".db3"}, strings.ToLower(filepath.Ext(strings.SplitN(dsn, "?", 2)[0]))):
		return parseSQLite(dsn)
	}
	return Target{}, fmt.Errorf("%w: write it as a URL, such as postgres://user@host/name, mysql://user@host/name or sqlite:path", ErrDSN)
}

func parsePostgres(dsn string) (Target, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil { // which may quote what it could not read
		return Target{}, fmt.Errorf("%w: PostgreSQL's driver does not understand it", ErrDSN)
	}
	t := Target{Dialect: "postgres", dsn: dsn, postgres: c}
	// The password may as well be from PGPASSWORD or ~/.pgpass.
	t.password, t.shown = c.Password, c.Password != "" && (inUserinfo.MatchString(dsn) || inParameter.MatchString(dsn))
	return t, nil
}

func parseMySQLURL(dsn string) (Target, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return Target{}, fmt.Errorf("%w: it is no URL", ErrDSN)
	}
	c := mysql.NewConfig()
	c.User = u.User.Username()
	c.Passwd, _ = u.User.Password()
	c.Net, c.DBName = "tcp", strings.TrimPrefix(u.Path, "/")
	c.Addr = u.Host
	if u.Port() == "" {
		c.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	rest := c.FormatDSN()
	if u.RawQuery != "" {
		sep := "?"
		if strings.Contains(rest, "?") {
			sep = "&"
		}
		rest += sep + u.RawQuery
	}
	return parseMySQL(rest)
}

func parseMySQL(dsn string) (Target, error) {
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return Target{}, fmt.Errorf("%w: MySQL's driver does not understand it", ErrDSN)
	}
	if c.DBName == "" {
		return Target{}, fmt.Errorf("%w: it names no database", ErrDSN)
	}
	c.ParseTime = true
	return Target{Dialect: "mysql", dsn: dsn, password: c.Passwd, shown: c.Passwd != "", mysql: c}, nil
}

func parseSQLite(rest string) (Target, error) {
	path, _, _ := strings.Cut(rest, "?") // what drivers take there differs, and is not needed to look
	if path == "" || path == ":memory:" {
		return Target{}, fmt.Errorf("%w: it names no file", ErrDSN)
	}
	return Target{Dialect: "sqlite", dsn: rest, path: path}, nil
}

// Name says which database it is, for people: without user and password.
func (t Target) Name() string {
	switch t.Dialect {
	case "postgres":
		return fmt.Sprintf("%s on %s:%d", t.postgres.Database, t.postgres.Host, t.postgres.Port)
	case "mysql":
		return t.mysql.DBName + " on " + t.mysql.Addr
	}
	return t.path
}
