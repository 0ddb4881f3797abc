package values

import (
	"encoding/json"
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// SoftDelete is a column by which rows are deleted softly.
type SoftDelete struct {
	Column string
	// alive is what GORM asks the column to be where a row is not deleted, nil where that
	// is a zero value.
	alive any
}

// SoftDeleteOf is what a field says of it, false where it deletes no rows.
func SoftDeleteOf(f *schema.Field) (SoftDelete, bool) {
	v := reflect.New(f.IndirectFieldType).Interface()
	if _, ok := v.(schema.DeleteClausesInterface); !ok {
		return SoftDelete{}, false
	}
	s := SoftDelete{Column: f.DBName}
	if q, ok := v.(schema.QueryClausesInterface); ok {
		if alive := plain(asked(q, f)); !isZero(alive) {
			s.alive = alive
		}
	}
	return s, true
}

// asked is what the conditions of a query ask the field's column to be, nil where they say
// it in no way that we know.
func asked(q schema.QueryClausesInterface, f *schema.Field) (value any) {
	defer func() { _ = recover() }() // the application's type may want a real statement
	db := &gorm.DB{Config: &gorm.Config{NowFunc: time.Now}}
	stmt := &gorm.Statement{DB: db, Schema: f.Schema, Table: f.Schema.Table, Clauses: map[string]clause.Clause{}}
	db.Statement = stmt
	for _, c := range q.QueryClauses(f) {
		stmt.AddClause(c)
	}
	where, _ := stmt.Clauses["WHERE"].Expression.(clause.Where)
	for _, e := range where.Exprs {
		eq, ok := e.(clause.Eq)
		if column, named := eq.Column.(clause.Column); ok && named && column.Name == f.DBName {
			return eq.Value
		}
	}
	return nil
}

// Deleted reports whether a canonical value of the column says that the row is deleted.
func (s SoftDelete) Deleted(v any) bool {
	if s.alive == nil {
		return !isZero(v)
	}
	if at, ok := s.moment(); ok {
		t, ok := moment(v)
		return !ok || t.Sub(at).Abs() > zoneMargin
	}
	if flag, ok := v.(bool); ok {
		return !flag // what is alive is no zero
	}
	return !Equal(v, s.alive)
}

// zoneMargin is how far the same clock may be apart in two zones.
const zoneMargin = 24 * time.Hour

// moment is the time that the column has where a row is not deleted. In which zone a text is
// read, the database decides.
func (s SoftDelete) moment() (time.Time, bool) { return moment(s.alive) }

func moment(v any) (time.Time, bool) {
	switch x := v.(type) {
	case time.Time:
		return x, true
	case string:
		return parseTime(x)
	}
	return time.Time{}, false
}

// Alive are the values of rows that are not deleted as a record has them, in JSON: whole
// ones, and how others begin.
func (s SoftDelete) Alive() (whole, begin []string) {
	if s.alive == nil {
		return []string{"null", "false", "0", `""`, `"0"`}, []string{`"0001-`}
	}
	if at, ok := s.moment(); ok {
		for _, days := range [...]int{-1, 0, 1} {
			begin = append(begin, `"`+at.AddDate(0, 0, days).Format(dateLayout))
		}
		return nil, begin
	}
	text, err := json.Marshal(s.alive)
	if err != nil {
		return nil, nil
	}
	return []string{string(text), "true"}, nil
}

// isZero reports whether a value is that of rows which are not deleted, where nothing else
// is said: a time, a flag or a number.
func isZero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case int64:
		return v == 0
	case string:
		return v == "" || v == "0"
	case time.Time:
		return v.Year() <= 1
	}
	return false
}
