package companion_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/companion"
)

func TestMarkIsFoundAgain(t *testing.T) {
	const query = "UPDATE users SET name = ' FOR '"
	for _, c := range []struct {
		server catalog.Server
		want   string
	}{
		{catalog.Server{Dialect: "sqlite"}, query},
		{catalog.Server{Dialect: "postgres"}, "/*auditplugin:1*/ " + query},
		{catalog.Server{Dialect: "mysql", MariaDB: true}, "SET STATEMENT progress_report_time="},
	} {
		marked, ok := companion.Mark(c.server, "users", query)
		if !ok || !strings.HasPrefix(marked, c.want) || !strings.HasSuffix(marked, query) {
			t.Errorf("%s: %s", c.server.Dialect, marked)
		}
		if got := companion.Unmarked(marked); got != query {
			t.Errorf("%s: %s comes back as %s", c.server.Dialect, marked, got)
		}
	}
	if companion.Number("users") == companion.Number("orders") || companion.Number("users")>>31 != 1 {
		t.Error("two tables have one number, or one that somebody may have set")
	}
}

// MySQL's mark stands behind the verb, and before all other hints.
func TestMarkAsHint(t *testing.T) {
	mysql := catalog.Server{Dialect: "mysql", Major: 9, Minor: 7}
	for query, want := range map[string]string{
		"UPDATE `t` SET n = 1":                      "UPDATE HINT*/ `t` SET n = 1",
		"insert INTO t VALUES (1)":                  "insert HINT*/ INTO t VALUES (1)",
		" \n/* a */ /**/DELETE\nFROM t":             " \n/* a */ /**/DELETE HINT*/\nFROM t",
		"REPLACE/*+ MAX_EXECUTION_TIME(1) */INTO t": "REPLACE HINT MAX_EXECUTION_TIME(1) */INTO t",
		"UPDATE /*+ SET_VAR(x=1) */ t":              "UPDATE HINT SET_VAR(x=1) */ t",
		"DELETE/* a comment */FROM t":               "DELETE HINT*//* a comment */FROM t",
		"UPDATE`t` SET n = 1":                       "UPDATE HINT*/`t` SET n = 1",
		"WITH x AS (SELECT 1) UPDATE t":             "",
		"UPDATES t":                                 "",
		"/*! UPDATE */ t":                           "",
		"/*+ no hint here */ UPDATE t":              "/*+ no hint here */ UPDATE HINT*/ t",
		"/* UPDATE t":                               "",
		"CALL f()":                                  "",
		"UPDATE":                                    "",
		"":                                          "",
	} {
		got, ok := companion.Mark(mysql, "t", query)
		if want == "" {
			want = query
		} else {
			number := strconv.FormatUint(uint64(companion.Number("t")), 10)
			want = strings.Replace(want, "HINT", "/*+ SET_VAR(secondary_engine_cost_threshold="+number+") ", 1)
		}
		if got != want || ok != (got != query) {
			t.Errorf("%q becomes %q, not %q", query, got, want)
		}
	}
}

func TestServersThatCanNotBeMarked(t *testing.T) {
	for _, c := range []struct {
		server catalog.Server
		can    bool
	}{
		{catalog.Server{Dialect: "sqlite", Major: 3, Minor: 45}, true},
		{catalog.Server{Dialect: "sqlite", Major: 3, Minor: 37}, false},
		{catalog.Server{Dialect: "postgres", Major: 15}, true},
		{catalog.Server{Dialect: "postgres", Major: 12}, false},
		{catalog.Server{Dialect: "postgres", Major: 15, Flavor: "CockroachDB"}, false},
		{catalog.Server{Dialect: "mysql", MariaDB: true, Major: 10, Minor: 11}, true},
		{catalog.Server{Dialect: "mysql", MariaDB: true, Major: 10, Minor: 6}, false},
		{catalog.Server{Dialect: "mysql", Major: 9, Minor: 7}, true},
		{catalog.Server{Dialect: "mysql", Major: 8, Minor: 0}, false},
		{catalog.Server{Dialect: "mysql", Major: 9, Minor: 7, Flavor: "TiDB"}, false},
		{catalog.Server{Dialect: "oracle"}, false},
	} {
		if err := companion.Supports(c.server); (err == nil) != c.can {
			t.Errorf("%+v: %v", c.server, err)
		}
	}
}
