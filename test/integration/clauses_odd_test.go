package integration

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/test/integration/oracle"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

// Clauses that stand before a statement, or lead it to another table.

// ahead writes text before a clause, as comments of tracing and hints do.
type ahead struct{ name, text string }

func (a ahead) Build(clause.Builder) {}

func (a ahead) ModifyStatement(stmt *gorm.Statement) {
	c := stmt.Clauses[a.name]
	c.BeforeExpression = clause.Expr{SQL: a.text}
	stmt.Clauses[a.name] = c
}

// Bin is deleted softly.
type Bin struct {
	ID   int `gorm:"primaryKey;autoIncrement:false"`
	Gone gorm.DeletedAt
}

// A soft delete behind a comment was taken for a DELETE: recorded as one, or not at all, or
// made one that the database did not understand.
func TestCommentBeforeTheStatement(t *testing.T) {
	seed := func(db *gorm.DB) error { return db.Create(&[]Bin{{ID: 1}, {ID: 2}, {ID: 3}}).Error }
	soft := []oracle.Option{oracle.SoftDelete("bins.gone")}
	scene{models: []any{&Bin{}}, seed: seed, oracle: soft}.capture(t, func(s *stage) {
		for i, comment := range []string{"/* trace */", "-- trace\n", "/* a */ /* b */"} {
			s.ok(s.db.Clauses(ahead{"INSERT", comment}).Create(&Bin{ID: 11 + i}))
			s.ok(s.db.Clauses(ahead{"INSERT", comment}, clause.OnConflict{UpdateAll: true}).Create(&Bin{ID: 11 + i}))
			s.ok(s.db.Clauses(ahead{"UPDATE", comment}).Delete(&Bin{ID: 1 + i}))
			s.ok(s.db.Clauses(ahead{"UPDATE", comment}).Unscoped().Model(&Bin{ID: 1 + i}).Update("gone", nil))
			s.ok(s.db.Clauses(ahead{"DELETE", comment}).Unscoped().Delete(&Bin{ID: 1 + i}))
		}
		s.expect("3 create bins", "3 soft_delete bins", "3 restore bins", "3 delete bins")
	})
}

// A common table expression serves where the statement is run once; it is refused where its
// rows are read first.
func TestCommonTableBeforeTheStatement(t *testing.T) {
	seed := func(db *gorm.DB) error { return db.Create(&[]Bin{{ID: 1}, {ID: 2}, {ID: 3}}).Error }
	soft := []oracle.Option{oracle.SoftDelete("bins.gone")}
	scene{models: []any{&Bin{}}, seed: seed, oracle: soft}.on(t, testdb.Postgres, func(s *stage) {
		with := ahead{"UPDATE", "WITH few AS (SELECT id FROM bins WHERE id < 3)"}
		err := s.db.Clauses(with).Where("id IN (SELECT id FROM few)").Delete(&Bin{}).Error
		if s.db.Target.Portable {
			if err == nil {
				s.Error("rows were changed that were not read")
			}
			s.expect()
			return
		}
		s.try(err)
		s.expect("2 soft_delete bins")
	})
}

func TestStatementLedToAnotherTable(t *testing.T) {
	others := "CREATE TABLE others (id int PRIMARY KEY, seat_id int, n int)"
	sc := seats(plainSeats, others, "INSERT INTO others VALUES (1, 1, 1), (2, 1, 1), (3, 2, 1)")
	sc.tables = append(sc.tables, "others")
	sc.natively(t, func(s *stage) {
		other := clause.Table{Name: "others"}
		s.fails(s.db.Clauses(clause.Update{Table: other}).Model(&Seat{ID: 1}).Update("n", 9).Error, auditplugin.ErrAuditFailed)
		s.fails(s.db.Clauses(clause.Insert{Table: other}).Model(&Seat{}).Create(map[string]any{"id": 9}).Error, auditplugin.ErrAuditFailed)
		s.fails(s.db.Clauses(clause.From{Tables: []clause.Table{other}}).Where("n = 1").Delete(&Seat{}).Error, auditplugin.ErrAuditFailed)
		s.ok(s.db.Clauses(clause.Update{Table: clause.Table{Name: "seats"}}).Model(&Seat{ID: 1}).Update("n", 9))
		s.ok(s.db.Clauses(clause.From{Tables: []clause.Table{{Name: clause.CurrentTable}}}).Delete(&Seat{ID: 1}))
		s.expect("1 update seats", "1 delete seats")
		if s.db.Target.Dialect != testdb.MySQL {
			return
		}
		from := func(modifier string) *gorm.DB {
			on := clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "others.seat_id = seats.id"}}}
			join := clause.From{Tables: []clause.Table{{Name: "seats"}}, Joins: []clause.Join{{Table: other, ON: on}}}
			return s.db.Clauses(clause.Delete{Modifier: modifier}, join).Where("others.id = 3").Delete(&Seat{})
		}
		s.fails(from("others").Error, auditplugin.ErrAuditFailed)
		s.fails(from("seats, others").Error, auditplugin.ErrAuditFailed)
		s.ok(from("QUICK `seats`"))
		s.expect("1 update seats", "2 delete seats")
	})
}

// gorm/gen's UpdateFrom writes the tables into the clause, its own first.
func TestUpdateFromAnotherTable(t *testing.T) {
	others := "CREATE TABLE others (id int PRIMARY KEY, seat_id int, n int, hint int)"
	sc := seats(plainSeats, others, "INSERT INTO others VALUES (1, 1, 7, 0), (2, 1, 7, 0), (3, 2, 9, 0)")
	sc.tables = append(sc.tables, "others")
	sc.on(t, testdb.MySQL, func(s *stage) {
		from := func(db *gorm.DB, tables, on string, set ...clause.Assignment) *gorm.DB {
			return db.Model(&Seat{}).Clauses(clause.Update{Table: clause.Table{Name: tables, Raw: true}}, clause.Set(set)).
				Where(on).Omit("*").Updates(map[string]any{})
		}
		n := clause.Assignment{Column: clause.Column{Table: "seats", Name: "n"}, Value: clause.Expr{SQL: "others.n"}}
		s.ok(from(s.db.DB, "`seats`,`others`", "others.seat_id = seats.id AND seats.id = 1", n))
		s.expect("1 update seats")
		bare := clause.Assignment{Column: clause.Column{Name: "n"}, Value: clause.Expr{SQL: "o.most"}}
		s.ok(from(s.db.Table("seats AS s"), "`seats` AS `s`,(SELECT seat_id, max(n) AS most FROM others GROUP BY seat_id) AS `o`", "o.seat_id = s.id AND s.id = 2", bare))
		s.expect("2 update seats")
		hint := clause.Assignment{Column: clause.Column{Name: "hint"}, Value: 1}
		s.fails(from(s.db.DB, "`seats`,`others`", "others.seat_id = seats.id", hint).Error, auditplugin.ErrAuditFailed)
		n.Column.Table = "others"
		s.fails(from(s.db.DB, "`seats`,`others`", "others.seat_id = seats.id", n).Error, auditplugin.ErrAuditFailed)
		s.fails(from(s.db.DB, "`others`,`seats`", "others.seat_id = seats.id", hint).Error, auditplugin.ErrAuditFailed)
		s.expect("2 update seats")
	})
}

// PostgreSQL returns 1664 columns at most: both images of a row of 900 are more.
func TestUpdateOfManyColumns(t *testing.T) {
	create, set := "CREATE TABLE wides (id int PRIMARY KEY", map[string]any{}
	for i := range 900 {
		name := "c" + string(rune('a'+i/26%26)) + string(rune('a'+i%26)) + string(rune('a'+i/676))
		create += ", " + name + " int"
		set[name] = i
	}
	scene{tables: []string{"wides"}, ddl: func(string) []string {
		return []string{create + ")", "INSERT INTO wides (id) VALUES (1), (2)"}
	}}.on(t, testdb.Postgres, func(s *stage) {
		s.ok(s.db.Table("wides").Where("id = 1").Updates(set))
		s.expect("1 update wides")
	})
}
