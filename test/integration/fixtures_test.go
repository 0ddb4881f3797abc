package integration

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Flag marks a row as deleted with 1, as soft-delete plugins do.
type Flag int

// QueryClauses implements schema.QueryClausesInterface.
func (Flag) QueryClauses(f *schema.Field) []clause.Interface { return []clause.Interface{flagQuery{f}} }

// UpdateClauses implements schema.UpdateClausesInterface.
func (Flag) UpdateClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{flagUpdate{flagQuery{f}}}
}

// DeleteClauses implements schema.DeleteClausesInterface.
func (Flag) DeleteClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{flagDelete{flagQuery{f}}}
}

type flagQuery struct{ field *schema.Field }

func (flagQuery) Name() string               { return "" }
func (flagQuery) Build(clause.Builder)       {}
func (flagQuery) MergeClause(*clause.Clause) {}
func (q flagQuery) ModifyStatement(stmt *gorm.Statement) {
	if _, ok := stmt.Clauses["soft_delete_enabled"]; ok || stmt.Unscoped {
		return
	}
	stmt.AddClause(clause.Where{Exprs: []clause.Expression{
		clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: q.field.DBName}, Value: 0},
	}})
	stmt.Clauses["soft_delete_enabled"] = clause.Clause{}
}

type flagUpdate struct{ flagQuery }

func (u flagUpdate) ModifyStatement(stmt *gorm.Statement) {
	if stmt.SQL.Len() == 0 && !stmt.Unscoped {
		u.flagQuery.ModifyStatement(stmt)
	}
}

type flagDelete struct{ flagQuery }

func (d flagDelete) ModifyStatement(stmt *gorm.Statement) {
	if stmt.SQL.Len() > 0 || stmt.Unscoped {
		return
	}
	stmt.AddClause(clause.Set{{Column: clause.Column{Name: d.field.DBName}, Value: 1}})
	_, values := schema.GetIdentityFieldValuesMap(stmt.Context, stmt.ReflectValue, stmt.Schema.PrimaryFields)
	if column, in := schema.ToQueryValues(stmt.Table, stmt.Schema.PrimaryFieldDBNames, values); len(in) > 0 {
		stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.IN{Column: column, Values: in}}})
	}
	d.flagQuery.ModifyStatement(stmt)
	stmt.AddClauseIfNotExists(clause.Update{})
	stmt.Build("UPDATE", "SET", "WHERE")
}

// Flagged is a model with such a flag.
type Flagged struct {
	ID   uint
	Name string `gorm:"size:40"`
	Gone Flag   `gorm:"not null;default:0"`
}

func TestSoftDeleteFlag(t *testing.T) {
	scene{models: []any{&Flagged{}}, seed: func(db *gorm.DB) error {
		return db.Create(&[]Flagged{{Name: "a"}, {Name: "b"}, {Name: "c"}}).Error
	}}.capture(t, func(s *stage) {
		s.ok(s.db.Delete(&Flagged{ID: 1}))
		s.ok(s.db.Where("name <> ?", "c").Delete(&Flagged{}))
		s.ok(s.db.Unscoped().Model(&Flagged{ID: 1}).Update("gone", 0))
		s.ok(s.db.Unscoped().Delete(&Flagged{ID: 3}))
		s.expect("2 soft_delete flaggeds", "1 restore flaggeds", "1 delete flaggeds")
	})
}

// Revision counts writes and refuses one that read an older count, as optimistic
// lock plugins do.
type Revision int64

// UpdateClauses implements schema.UpdateClausesInterface.
func (Revision) UpdateClauses(f *schema.Field) []clause.Interface {
	return []clause.Interface{revisionUpdate{f}}
}

type revisionUpdate struct{ field *schema.Field }

func (revisionUpdate) Name() string               { return "" }
func (revisionUpdate) Build(clause.Builder)       {}
func (revisionUpdate) MergeClause(*clause.Clause) {}
func (u revisionUpdate) ModifyStatement(stmt *gorm.Statement) {
	if stmt.SQL.Len() > 0 {
		return
	}
	if _, done := stmt.Clauses["revision"]; done {
		return
	}
	stmt.Clauses["revision"] = clause.Clause{}
	if value, zero := u.field.ValueOf(stmt.Context, stmt.ReflectValue); !zero {
		stmt.AddClause(clause.Where{Exprs: []clause.Expression{
			clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: u.field.DBName}, Value: value},
		}})
	}
	stmt.SetColumn(u.field.DBName, clause.Expr{SQL: "revision + 1"}, true)
}

// Versioned is a model with such a count.
type Versioned struct {
	ID       uint
	Name     string `gorm:"size:40"`
	Revision Revision
}

func TestOptimisticLock(t *testing.T) {
	scene{models: []any{&Versioned{}}, seed: func(db *gorm.DB) error {
		return db.Create(&[]Versioned{{Name: "a", Revision: 1}, {Name: "b", Revision: 1}}).Error
	}}.capture(t, func(s *stage) {
		fresh, stale := Versioned{ID: 1, Revision: 1}, Versioned{ID: 1, Revision: 1}
		if n := s.ok(s.db.Model(&fresh).Updates(map[string]any{"name": "first"})).RowsAffected; n != 1 {
			s.Errorf("%d rows affected by the first", n)
		}
		if n := s.ok(s.db.Model(&stale).Updates(map[string]any{"name": "second"})).RowsAffected; n != 0 {
			s.Errorf("%d rows affected by the stale one", n)
		}
		s.expect("1 update versioneds")
		if e := s.entry(0); len(e.Changed) != 2 {
			s.Errorf("changed are %v", e.Changed)
		}
	})
}
