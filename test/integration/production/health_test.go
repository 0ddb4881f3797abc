package production

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

func health(t *testing.T, db *gorm.DB) error {
	t.Helper()
	return db.Plugins["auditplugin"].(*auditplugin.Plugin).Health(t.Context())
}

// The application's role is well; one without INSERT is not, and says why. A check uses no
// number of the audit table, which a relay would wait for.
func TestHealthByRights(t *testing.T) {
	for _, dialect := range []string{testdb.Postgres, testdb.MySQL} {
		testdb.Only(t, dialect, func(t *testing.T, g testdb.Target) {
			s, roles := newScene(t, g), documented(t)
			db := s.as(t, roles["application"])
			install(t, db)
			for range 3 {
				must(t, health(t, db))
			}
			must(t, db.Create(&account{Phone: "1"}).Error)
			var seq int64
			must(t, s.owner.Raw.QueryRow("SELECT MAX(seq) FROM audit_logs").Scan(&seq))
			if seq != 1 {
				t.Errorf("the first record has number %d", seq)
			}
			reader := s.as(t, roles["history"])
			install(t, reader)
			err := health(t, reader)
			if err == nil || !strings.Contains(err.Error(), "takes no INSERT (") || !strings.Contains(err.Error(), "42") {
				t.Errorf("without the right: %v", err)
			}
			s.run(t, "ALTER TABLE audit_logs RENAME TO gone")
			if err := health(t, db); err == nil {
				t.Error("well without the table")
			}
			s.run(t, "ALTER TABLE gone RENAME TO audit_logs")
			must(t, health(t, db))
		})
	}
}
