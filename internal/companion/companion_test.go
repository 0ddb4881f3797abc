package companion_test

import (
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/companion"
)

func TestMarkIsFoundAgain(t *testing.T) {
	const query = "UPDATE users SET name = ' FOR '"
	for dialect, want := range map[string]string{
		"sqlite": query, "postgres": "/*auditplugin:1*/ " + query, "mysql": "SET STATEMENT progress_report_time=",
	} {
		marked := companion.Mark(dialect, "users", query)
		if !strings.HasPrefix(marked, want) || !strings.HasSuffix(marked, query) {
			t.Errorf("%s: %s", dialect, marked)
		}
		if got := companion.Unmarked(marked); got != query {
			t.Errorf("%s: %s comes back as %s", dialect, marked, got)
		}
	}
	if companion.Number("users") == companion.Number("orders") || companion.Number("users")>>31 != 1 {
		t.Error("two tables have one number, or one that somebody may have set")
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
		{catalog.Server{Dialect: "mysql", Major: 9, Minor: 7}, false},
		{catalog.Server{Dialect: "oracle"}, false},
	} {
		if err := companion.Supports(c.server); (err == nil) != c.can {
			t.Errorf("%+v: %v", c.server, err)
		}
	}
}
