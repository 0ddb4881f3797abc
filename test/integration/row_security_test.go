package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Notice is for somebody.
type Notice struct {
	ID  int64 `gorm:"autoIncrement:false"`
	For string
}

// RETURNING and locks make the policies for SELECT count. Statements that read no column
// by themselves must change what they change without the plugin.
func TestRowLevelSecurity(t *testing.T) {
	scene{tables: []string{"notices"}, ddl: func(string) []string {
		return []string{
			`CREATE TABLE notices (id bigint PRIMARY KEY, "for" text)`,
			"INSERT INTO notices VALUES (1, 'me'), (2, 'you'), (4, 'me')",
		}
	}}.on(t, testdb.Postgres, func(s *stage) {
		s.oracle = nil // it sees what the role does not
		role := "audit_rls_" + strings.ReplaceAll(uuid.NewString(), "-", "")
		admin := s.other()
		var schema string
		s.ok(admin.Raw("SELECT current_schema()").Scan(&schema))
		for _, query := range []string{
			"CREATE ROLE " + role, "GRANT USAGE ON SCHEMA " + schema + " TO " + role,
			"GRANT ALL ON ALL TABLES IN SCHEMA " + schema + " TO " + role, "GRANT ALL ON ALL SEQUENCES IN SCHEMA " + schema + " TO " + role,
			"ALTER TABLE notices ENABLE ROW LEVEL SECURITY",
			`CREATE POLICY s ON notices FOR SELECT USING ("for" = 'me')`, "CREATE POLICY i ON notices FOR INSERT WITH CHECK (true)",
			"CREATE POLICY u ON notices FOR UPDATE USING (true)", "CREATE POLICY d ON notices FOR DELETE USING (true)",
		} {
			s.ok(admin.Exec(query))
		}
		defer func() {
			s.ok(admin.Exec("DROP OWNED BY " + role))
			s.ok(admin.Exec("DROP ROLE " + role))
		}()
		as := func(f func(tx *gorm.DB) *gorm.DB) (n int64) {
			s.Helper()
			s.try(s.db.Transaction(func(tx *gorm.DB) error {
				s.ok(tx.Exec("SET LOCAL ROLE " + role))
				result := f(tx.Session(&gorm.Session{AllowGlobalUpdate: true}))
				n = result.RowsAffected
				return result.Error
			}))
			return n
		}
		as(func(tx *gorm.DB) *gorm.DB { return tx.Create(&Notice{ID: 3, For: "you"}) })
		as(func(tx *gorm.DB) *gorm.DB {
			return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&[]Notice{{ID: 3, For: "you"}, {ID: 5, For: "me"}})
		})
		if n := as(func(tx *gorm.DB) *gorm.DB { return tx.Delete(&Notice{}) }); n < 4 {
			s.Errorf("%d rows deleted; plain GORM deletes every row", n)
		}
		var left int64
		s.ok(admin.Model(&Notice{}).Count(&left))
		if left != 0 {
			s.Errorf("%d rows are left", left)
		}
		unseen := false
		for _, e := range s.trail() {
			unseen = unseen || e.Action == "raw" && fmt.Sprint(e.Metadata["rows"]) != "0"
		}
		if !unseen {
			s.Errorf("nothing tells of the rows that the role could not see: %v", tally(s.trail()))
		}
	})
}
