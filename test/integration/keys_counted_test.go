package integration

import (
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Mark is one of several languages' marks: its key has two columns, of which one is counted.
type Mark struct {
	ID     uint   `gorm:"primaryKey;autoIncrement;unique"`
	Locale string `gorm:"primaryKey;size:20"`
	Value  string
}

// Essay has marks.
type Essay struct {
	ID    uint
	Marks []Mark `gorm:"many2many:essay_marks"`
}

// Appending to an association sends the rows that are there, under their keys, and the new
// one, whose key is counted, in one statement.
func TestCountedKeyBesideOnesThatAreThere(t *testing.T) {
	scene{models: []any{&Mark{}, &Essay{}}}.capture(t, func(s *stage) {
		if s.db.Target.Dialect == testdb.SQLite {
			s.Skip("SQLite counts no key of two columns")
		}
		essay := Essay{Marks: []Mark{{Locale: "de", Value: "eins"}, {Locale: "de", Value: "zwei"}}}
		s.ok(s.db.Create(&essay))
		if err := s.db.Model(&essay).Association("Marks").Append([]*Mark{{Locale: "de", Value: "drei"}}); err != nil {
			s.Error(err)
		}
		if n := s.db.Model(&essay).Association("Marks").Count(); n != 3 {
			s.Errorf("%d marks, want 3", n)
		}
		s.expect("1 create essays", "3 create marks", "3 create essay_marks")
	})
}
