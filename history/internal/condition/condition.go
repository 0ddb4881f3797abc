// Package condition has what is asked of the audit table's JSON columns, as each database
// says it: a file a database.
package condition

import (
	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// SQL makes conditions. In a dialect that is not known, those that must be exact fail.
type SQL interface {
	// Changed is that a column's name is in changed.
	Changed(name string) (clause.Expression, error)
	// MayHaveChanged lists conditions of which one holds where one of the names is in
	// changed, and seldom else.
	MayHaveChanged(names []string) ([]clause.Expression, error)
	// ChangedOther is that changed has a name beside these; nil where that can not be asked.
	ChangedOther(names []string) clause.Expression
	// ChangeAt is that there is a change at the path and, if below is given, that its value
	// before or after has something there.
	ChangeAt(path string, below []string) (clause.Expression, error)
	// ChangeBelow is that there is a change below the path.
	ChangeBelow(path string) (clause.Expression, error)
	// Holds is that an image has a canonical value, whose JSON is text, in a column.
	Holds(image, name string, v any, text string) (clause.Expression, error)
	// Mentions is that an image has, in a column, one of some values, by their texts: it
	// holds at least where that is so.
	Mentions(image, name string, texts []string, anyCase bool) (clause.Expression, error)
	// Flagged is that a word in a record's metadata is true.
	Flagged(word string) clause.Expression
	// Contains is that a text stands somewhere in a column.
	Contains(name, text string) clause.Expression
}

// Server answers what conditions may have to know, and says what they fail with.
type Server interface {
	IsMariaDB() (bool, error)
	// Unknown is the error of what can not be asked in a dialect that is not known.
	Unknown() error
}

// Of is the conditions of a dialect, by GORM's name.
func Of(name string, s Server) SQL {
	switch name {
	case dialect.Postgres:
		return postgres{}
	case dialect.MySQL:
		return mysql{s}
	case dialect.SQLite:
		return sqlite{}
	default:
		return standard{s}
	}
}

// Column is a column of the audit table.
func Column(name string) clause.Column {
	return clause.Column{Table: clause.CurrentTable, Name: name}
}

// standard is of a dialect that is not known.
type standard struct{ server Server }

func (s standard) Changed(string) (clause.Expression, error) { return nil, s.server.Unknown() }

func (s standard) MayHaveChanged(names []string) ([]clause.Expression, error) {
	return matching(names, s.Changed)
}

func (s standard) ChangedOther([]string) clause.Expression { return nil }

func (s standard) ChangeAt(string, []string) (clause.Expression, error) {
	return nil, s.server.Unknown()
}

func (s standard) ChangeBelow(string) (clause.Expression, error) { return nil, s.server.Unknown() }

func (s standard) Holds(string, string, any, string) (clause.Expression, error) {
	return nil, s.server.Unknown()
}

func (s standard) Mentions(string, string, []string, bool) (clause.Expression, error) {
	return nil, s.server.Unknown()
}

func (s standard) Flagged(string) clause.Expression { return clause.Expr{SQL: "1 = 0"} }

func (s standard) Contains(name, text string) clause.Expression {
	return clause.Expr{SQL: "instr(?, ?) > 0", Vars: []any{Column(name), text}}
}
