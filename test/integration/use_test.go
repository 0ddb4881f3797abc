package integration

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// A statement that comes again in a transaction stays prepared on MySQL, for the
// database that the connection used then. After USE another one is meant.
func TestMySQLUseBetweenTheSameStatements(t *testing.T) {
	scene{models: []any{&Setting{}}, seed: seedSettings("a", "b"), options: []testdb.Option{testdb.WithMaxOpen(1)}}.on(t, testdb.MySQL, func(s *stage) {
		var here string
		s.try(s.db.Raw.QueryRow("SELECT DATABASE()").Scan(&here))
		there := here + "_there"
		for _, statement := range []string{
			"CREATE DATABASE `" + there + "`",
			"CREATE TABLE `" + there + "`.settings LIKE `" + here + "`.settings",
			"INSERT INTO `" + there + "`.settings SELECT * FROM `" + here + "`.settings",
		} {
			_, err := s.db.Raw.Exec(statement)
			s.try(err)
		}
		defer func() { _, _ = s.db.Raw.Exec("DROP DATABASE `" + there + "`") }()
		set := func(tx *gorm.DB, value string) {
			s.ok(tx.Model(&Setting{Name: "a"}).Update("value", value))
		}
		s.try(s.db.Transaction(func(tx *gorm.DB) error {
			for i := range 4 {
				set(tx, fmt.Sprint("here", i))
			}
			s.ok(tx.Exec("USE `" + there + "`"))
			for i := range 4 {
				set(tx, fmt.Sprint("there", i))
			}
			s.ok(tx.Exec("USE `" + here + "`"))
			set(tx, "back")
			return nil
		}))
		for database, want := range map[string]string{here: "back", there: "there3"} {
			var got sql.NullString
			s.try(s.db.Raw.QueryRow("SELECT value FROM `" + database + "`.settings WHERE name = 'a'").Scan(&got))
			if got.String != want {
				s.Errorf("in %s the value is %q, want %q", database, got.String, want)
			}
		}
		s.oracle = nil // it watches one database
		if n := len(s.trail()); n != 9 {
			s.Errorf("%d records of 9 changes", n)
		}
	})
}
