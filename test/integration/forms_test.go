package integration

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/capture/mysql"
	"github.com/gorm-audit/auditplugin/internal/capture/postgres"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/replay"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// stored is a column type and values that it holds, as SQL.
type stored struct {
	kind   string
	values []string
}

var postgresTypes = []stored{
	{"boolean", []string{"true", "false"}},
	{"smallint", []string{"-32768", "7"}},
	{"integer", []string{"-1", "2147483647"}},
	{"bigint", []string{"9223372036854775807"}},
	{"numeric", []string{"0", "1.50", "-12345678901234567890.123456789", "'NaN'"}},
	{"numeric(12,4)", []string{"1.5", "0.0001"}},
	{"real", []string{"0.1", "1e30", "'NaN'", "'Infinity'"}},
	{"double precision", []string{"0.1", "1e300", "0.30000000000000004", "'-Infinity'"}},
	{"money", []string{"12.34"}},
	{"text", []string{"''", "'a'", "'ä€😀'", "E'quo\"te\\\\,{}\\n'", "'NULL'", "' padded '"}},
	{"varchar(20)", []string{"'x '", "'{a,b}'"}},
	{"char(5)", []string{"'ab'", "''", "'abcde'"}},
	{`"char"`, []string{"'x'"}},
	{"name", []string{"'n'"}},
	{"bytea", []string{`'\x00ff'`, `''`}},
	{"date", []string{"'2024-02-29'", "'0001-01-01'"}},
	{"time", []string{"'13:14:15.123456'", "'00:00:00'"}},
	{"timetz", []string{"'13:14:15+02'"}},
	{"timestamp", []string{"'2024-02-29 13:14:15.123456'", "'2024-07-01 00:00:00'"}},
	{"timestamptz", []string{"'2024-02-29 13:14:15.123456+05:30'", "'2024-07-01 00:00:00Z'"}},
	{"interval", []string{"'1 year 2 mons 3 days 04:05:06.7'", "'-1 days'"}},
	{"uuid", []string{"'6ba7b810-9dad-11d1-80b4-00c04fd430c8'"}},
	{"json", []string{`'{"b": 1, "a": [1.0, null]}'`, `'"text"'`}},
	{"jsonb", []string{`'{"b": 1, "a": [1.0, null]}'`}},
	{"inet", []string{"'10.0.0.1/24'", "'10.0.0.1'", "'::1'"}},
	{"cidr", []string{"'10.0.0.0/8'"}},
	{"macaddr", []string{"'08:00:2b:01:02:03'"}},
	{"bit(5)", []string{"B'10110'"}},
	{"varbit", []string{"B'101'"}},
	{"point", []string{"'(1.5,2)'"}},
	{"int4range", []string{"'[1,5)'"}},
	{"tstzrange", []string{"'[2024-01-01 00:00Z,)'"}},
	{"integer[]", []string{"'{1,NULL,3}'", "'{}'"}},
	{"text[]", []string{`'{"a,b",NULL,"NULL"}'`}},
	{"xml", []string{"'<a>b</a>'"}},
	{"tsvector", []string{"'a fat cat'"}},
}

var mysqlTypes = []stored{
	{"tinyint(1)", []string{"1", "0"}},
	{"tinyint", []string{"-128"}},
	{"smallint unsigned", []string{"65535"}},
	{"int", []string{"-1"}},
	{"bigint", []string{"-9223372036854775808"}},
	{"bigint unsigned", []string{"18446744073709551615"}},
	{"decimal(20,6)", []string{"1.5", "-0.000001"}},
	{"float", []string{"0.1", "16777216"}},
	{"double", []string{"0.1", "1e300", "0.30000000000000004"}},
	{"char(5)", []string{"'ab'", "'ä'"}},
	{"varchar(20)", []string{"'x '", "''", "'~'", "'(a,b)'", "'ä€😀'"}},
	{"varchar(20) character set latin1", []string{"'é'"}},
	{"text", []string{"'long'", "'quo\"te\\\\'"}},
	{"binary(4)", []string{"x'00ff'"}},
	{"varbinary(8)", []string{"x'00ff'", "''"}},
	{"blob", []string{"x'00ff7e'"}},
	{"bit(1)", []string{"b'1'"}},
	{"bit(20)", []string{"b'10101010101010101010'"}},
	{"date", []string{"'2024-02-29'"}},
	{"time(6)", []string{"'13:14:15.123456'", "'-100:00:00'"}},
	{"datetime(6)", []string{"'2024-02-29 13:14:15.123456'"}},
	{"datetime", []string{"'2024-07-01 00:00:00'"}},
	{"timestamp(3) null", []string{"'2024-02-29 13:14:15.123'"}},
	{"year", []string{"2024"}},
	{"enum('a','b')", []string{"'b'"}},
	{"set('a','b')", []string{"'a,b'"}},
	{"json", []string{`'{"b": 1, "a": [1.0, null]}'`, `'[]'`}},
	{"point", []string{"ST_GeomFromText('POINT(1 2)')"}},
}

// session is how a connection may be set up, so that values are spelt otherwise.
type session struct {
	name, dsn string
	set       []string
}

var sessions = map[string][]session{
	testdb.Postgres: {
		{name: "default"},
		{name: "zone by DSN", dsn: "TimeZone=Asia/Kathmandu"},
		{name: "zone by SET", set: []string{"SET TimeZone = 'America/St_Johns'"}},
		{name: "styles", set: []string{"SET DateStyle = 'German, DMY'", "SET IntervalStyle = 'iso_8601'", "SET extra_float_digits = -2", "SET bytea_output = 'escape'"}},
		{name: "other styles", set: []string{"SET DateStyle = 'SQL, MDY'", "SET IntervalStyle = 'sql_standard'", "SET extra_float_digits = 3"}},
	},
	testdb.MySQL: {
		{name: "default"},
		{name: "zone by DSN", dsn: "loc=Asia%2FKathmandu"},
		{name: "zone by SET", set: []string{"SET time_zone = '-03:30'"}},
		{name: "modes", set: []string{"SET sql_mode = 'ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH,NO_BACKSLASH_ESCAPES'"}},
		{name: "arguments in the text", dsn: "interpolateParams=true"},
	},
}

// However the columns of a row are asked for, its image is the same.
func TestFormsAgree(t *testing.T) {
	for dialect, types := range map[string][]stored{testdb.Postgres: postgresTypes, testdb.MySQL: mysqlTypes} {
		testdb.Only(t, dialect, func(t *testing.T, g testdb.Target) {
			for _, session := range sessions[dialect] {
				t.Run(session.name, func(t *testing.T) {
					d := g.Open(t, testdb.WithoutPlugin())
					pool := openSQL(t, dialect, withParameter(d.DSN, session.dsn))
					conn, err := pool.Conn(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					for _, query := range session.set {
						if _, err := conn.ExecContext(t.Context(), query); err != nil {
							t.Fatal(err)
						}
					}
					formsAgree(t, conn, dialect, types)
				})
			}
		})
	}
}

// openSQL opens a pool as GORM does.
func openSQL(t *testing.T, dialect, dsn string) *sql.DB {
	t.Helper()
	db, err := gorm.Open(testdb.Dialector(dialect, dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

func withParameter(dsn, parameter string) string {
	switch {
	case parameter == "":
		return dsn
	case strings.Contains(dsn, "?"):
		return dsn + "&" + parameter
	}
	return dsn + "?" + parameter
}

// formsAgree has a table with a column of each type.
func formsAgree(t *testing.T, conn *sql.Conn, dialectName string, types []stored) {
	t.Helper()
	const name = "forms"
	ctx := t.Context()
	exec := func(query string) {
		t.Helper()
		if _, err := conn.ExecContext(ctx, query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	columns, rows := "id int PRIMARY KEY", 0
	for n, kind := range types {
		columns += fmt.Sprintf(", v%d %s", n, kind.kind)
		rows = max(rows, len(kind.values)+1) // and one of NULL
	}
	exec("CREATE TABLE " + name + " (" + columns + ")")
	for row := range rows {
		values := fmt.Sprint(row)
		for _, kind := range types {
			if row < len(kind.values) {
				values += ", " + kind.values[row]
			} else {
				values += ", NULL"
			}
		}
		exec("INSERT INTO " + name + " VALUES (" + values + ")")
	}
	described, err := catalog.Load(ctx, conn, dialectName, "", name)
	if err != nil {
		t.Fatal(err)
	}
	server, err := catalog.LoadServer(ctx, conn, dialectName)
	if err != nil {
		t.Fatal(err)
	}
	m := &table.Model{Table: name, Plan: redact.ForNames(name, redact.Config{})}
	tbl := table.New(dialect.Of(server), m, described, table.Name{Name: name, Alias: name, Simple: true})
	read := func(columns ...string) [][]any {
		t.Helper()
		rows, err := conn.QueryContext(ctx, "SELECT "+strings.Join(columns, ",")+" FROM "+name+" ORDER BY id")
		if err != nil {
			t.Fatal(err)
		}
		set, err := replay.Read(rows)
		if err := errors.Join(err, rows.Err()); err != nil {
			t.Fatal(err)
		}
		return set.Rows
	}
	var forms []statement.Form
	if dialectName == testdb.Postgres {
		zone := statement.ZoneOf(read(postgres.ZoneProbe)[0][0])
		forms = []statement.Form{postgres.TextForm{Zone: zone}, postgres.TextForm{Zone: zone, Qualified: true}}
	} else {
		forms = []statement.Form{mysql.HexForm{Zone: statement.ZoneOf(read(mysql.ZoneProbe)[0][0])}}
	}
	driver := tbl.Rows(read(tbl.Bare...))
	for _, form := range forms {
		for i, raw := range read(form.Columns(tbl)...) {
			got := form.Row(tbl, raw).Image
			for n, want := range driver[i].Image {
				if !table.Same(got[n:n+1], driver[i].Image[n:n+1]) {
					t.Errorf("%s: as %T it is %#v, from the driver %#v", tbl.Columns[n].DBType, form, got[n], want)
				}
			}
		}
	}
}
