package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/capture/mysql"
	"github.com/gorm-audit/auditplugin/internal/capture/postgres"
	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/replay"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
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
	{"inet", []string{"'10.0.0.1/24'"}},
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

// However the columns of a row are asked for, its image is the same.
func TestFormsAgree(t *testing.T) {
	for name, types := range map[string][]stored{testdb.Postgres: postgresTypes, testdb.MySQL: mysqlTypes} {
		testdb.Only(t, name, func(t *testing.T, g testdb.Target) {
			d := g.Open(t, testdb.WithoutPlugin())
			for n, kind := range types {
				formsAgree(t, d, fmt.Sprintf("forms_%d", n), kind)
			}
		})
	}
}

func formsAgree(t *testing.T, d *testdb.DB, name string, kind stored) {
	t.Helper()
	pool, err := d.DB.DB()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	exec := func(query string) {
		t.Helper()
		if _, err := pool.ExecContext(ctx, query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec("CREATE TABLE " + name + " (id int PRIMARY KEY, v " + kind.kind + ")")
	defer exec("DROP TABLE " + name)
	for i, v := range append(kind.values, "NULL") {
		exec(fmt.Sprintf("INSERT INTO %s VALUES (%d, %s)", name, i, v))
	}
	described, err := catalog.Load(ctx, pool, d.Target.Dialect, "", name)
	if err != nil {
		t.Fatal(err)
	}
	m := &table.Model{Table: name, Plan: redact.ForNames(redact.Config{})}
	server, err := catalog.LoadServer(ctx, pool, d.Target.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	tbl := table.New(dialect.Of(server), m, described, table.Name{Name: name, Alias: name, Simple: true})
	read := func(columns []string) [][]any {
		t.Helper()
		rows, err := pool.QueryContext(ctx, "SELECT "+strings.Join(columns, ",")+" FROM "+name+" ORDER BY id")
		if err != nil {
			t.Fatal(err)
		}
		set, err := replay.Read(rows)
		if err != nil {
			t.Fatal(err)
		}
		return set.Rows
	}
	var forms []statement.Form
	if d.Target.Dialect == testdb.Postgres {
		forms = []statement.Form{postgres.TextForm{}, postgres.TextForm{Qualified: true}}
	} else {
		forms = []statement.Form{mysql.HexForm{Zone: neighbour.MySQLLocation(d.Dialector)}}
	}
	driver := tbl.Rows(read(tbl.Bare))
	for _, form := range forms {
		for i, raw := range read(form.Columns(tbl)) {
			if got := form.Row(tbl, raw).Image; !table.Same(got, driver[i].Image) {
				t.Errorf("%s: as %T it is %#v, from the driver %#v", kind.kind, form, got[1], driver[i].Image[1])
			}
		}
	}
}
