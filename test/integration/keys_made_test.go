package integration

import (
	"context"
	"testing"

	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Upper is stored in capitals, by an expression.
type Upper string

// GormValue is what GORM sends for it.
func (u Upper) GormValue(context.Context, *gorm.DB) clause.Expr {
	return gorm.Expr("upper(?)", string(u))
}

// Made has a key that the database makes of what is sent.
type Made struct {
	Code Upper  `gorm:"primaryKey;type:varchar(20)"`
	Text string `gorm:"size:20"`
}

// made watches rows whose key is not the one that was sent. MySQL, which returns no rows,
// can not tell it: docs/databases.md.
func (s scene) made(t *testing.T, f func(s *stage)) {
	t.Helper()
	s.natively(t, func(st *stage) {
		if st.db.Target.Dialect == testdb.MySQL && !st.db.MariaDB(st.T) {
			st.Skip("MySQL has no RETURNING")
		}
		f(st)
	})
}

func TestKeyIsAnExpression(t *testing.T) {
	scene{models: []any{&Made{}}}.made(t, func(s *stage) {
		s.ok(s.db.Create(&Made{Code: "a", Text: "one"}))
		if result := s.ok(s.db.Create(&[]Made{{Code: "b"}, {Code: "c"}})); result.RowsAffected != 2 {
			s.Errorf("%d rows", result.RowsAffected)
		}
		s.ok(s.db.Model(&Made{}).Create(map[string]any{"code": gorm.Expr("lower('DD')"), "text": "map"}))
		s.ok(s.db.Model(&Made{Code: "a"}).Update("text", "two"))
		s.expect("4 create mades", "1 update mades")
	})
}

// Keys that a trigger or the column's type makes other ones: on MariaDB such rows were
// refused, because the keys as sent find none.
func TestKeyIsNotWhatWasSent(t *testing.T) {
	for name, ddl := range map[string][]string{
		"trigger": {
			"CREATE TABLE plains (name varchar(20) PRIMARY KEY, text varchar(20))",
			"CREATE TRIGGER renamed BEFORE INSERT ON plains FOR EACH ROW SET NEW.name = CONCAT('x', NEW.name)",
		},
		"set": {"CREATE TABLE plains (name set('a','b') PRIMARY KEY, text varchar(20))"},
	} {
		t.Run(name, func(t *testing.T) {
			testdb.Only(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
				st := scene{tables: []string{"plains"}, ddl: func(string) []string { return ddl }}.open(t, g)
				if !st.db.MariaDB(t) {
					t.Skip("MySQL has no RETURNING")
				}
				st.ok(st.db.Table("plains").Create([]map[string]any{{"name": "b,a"}, {"name": "a"}}))
				st.expect("2 create plains")
				st.judge()
			})
		})
	}
}

// A table that counts nothing up has no last id, whatever an earlier statement had.
func TestKeyIsNotAnEarlierOne(t *testing.T) {
	scene{models: []any{&Counter{}, &Made{}}}.on(t, testdb.MySQL, func(s *stage) {
		s.ok(s.db.Create(&Counter{Name: "counted"}))
		for _, db := range []*gorm.DB{s.db.DB, s.db.Clauses(clause.Insert{Modifier: "IGNORE"})} {
			row := map[string]any{"code": "A"}
			s.ok(db.Table("mades").Create(row))
			if id, ok := row["@id"]; ok {
				s.Errorf("the row is given the id %v", id)
			}
		}
		s.expect("1 create counters", "1 create mades")
	})
}
