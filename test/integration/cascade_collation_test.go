package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Foreign keys refer to a value in whatever case, where the parent's collation does not tell
// case apart: such children were recorded as deleted when their key followed the parent's,
// and had no record where their own collation does tell it.
func TestChildrenInAnotherCase(t *testing.T) {
	for name, ddl := range map[string][]string{
		"both": {
			"CREATE TABLE pairs (id int PRIMARY KEY, a varchar(20) COLLATE NOCASE UNIQUE, n int)",
			"CREATE TABLE halves (a varchar(20) COLLATE NOCASE, k int, n int, PRIMARY KEY (a, k), CONSTRAINT whole FOREIGN KEY (a) REFERENCES pairs (a) ON UPDATE CASCADE ON DELETE CASCADE)",
		},
		"parent": {
			"CREATE TABLE pairs (id int PRIMARY KEY, a varchar(20) COLLATE NOCASE UNIQUE, n int)",
			"CREATE TABLE halves (a varchar(20), k int, n int, PRIMARY KEY (a, k), CONSTRAINT whole FOREIGN KEY (a) REFERENCES pairs (a) ON UPDATE CASCADE ON DELETE CASCADE)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			sc := scene{tables: []string{"pairs", "halves"}, ddl: func(string) []string {
				return append(ddl, "INSERT INTO pairs VALUES (1, 'one', 1), (2, 'two', 2)", "INSERT INTO halves VALUES ('ONE', 1, 1), ('One', 2, 2), ('two', 1, 3)")
			}}
			sc.on(t, testdb.SQLite, func(s *stage) { s.renamePair("3 delete halves", "2 update halves", "2 delete pairs", "2 update pairs") })
		})
	}
}

func TestChildrenInAnotherCaseOnMySQL(t *testing.T) {
	const collated = " varchar(20) COLLATE utf8mb4_general_ci"
	scene{tables: []string{"pairs", "halves"}, ddl: func(string) []string {
		return []string{
			"CREATE TABLE pairs (id int PRIMARY KEY, a" + collated + " UNIQUE, n int)",
			"CREATE TABLE halves (a" + collated + ", k int, n int, PRIMARY KEY (a, k), CONSTRAINT whole FOREIGN KEY (a) REFERENCES pairs (a) ON UPDATE CASCADE ON DELETE CASCADE)",
			"INSERT INTO pairs VALUES (1, 'one', 1), (2, 'two', 2)", "INSERT INTO halves VALUES ('ONE', 1, 1), ('One', 2, 2), ('two', 1, 3)",
		}
	}, oracle: []oracle.Option{oracle.Snapshot("halves")}}.on(t, testdb.MySQL, func(s *stage) {
		s.renamePair("3 delete halves", "4 update halves", "2 delete pairs", "2 update pairs")
	})
}

func (s *stage) renamePair(want ...string) {
	s.ok(s.db.Table("pairs").Where("id = 1").Update("a", "uno"))
	s.ok(s.db.Table("pairs").Where("id = 1").Update("a", "UNO"))
	s.ok(s.db.Table("pairs").Where("id > 0").Delete(nil))
	s.expect(want...)
	s.causes("pairs")
}
