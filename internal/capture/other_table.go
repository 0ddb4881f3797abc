package capture

import (
	"strings"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// refuseOtherTable refuses a statement whose clauses have it write to another table than the
// one that GORM says it is about: that one's rows would be read, and the others' not.
func refuseOtherTable(s *statement.Statement) error {
	clauses := s.DB.Statement.Clauses
	switch {
	case s.Op == statement.Create:
		insert, _ := clauses["INSERT"].Expression.(clause.Insert)
		return refuseOther(s, insert.Table.Name)
	case s.Op == statement.Update || s.IsUpdate():
		if updatesOwn(s) {
			return nil
		}
		return refuseOther(s, s.Updated().Name)
	case s.Op == statement.Delete:
		return refuseOther(s, deletedFrom(clauses)...)
	}
	return nil
}

// updatesOwn reports whether an UPDATE of several tables, as gorm/gen's UpdateFrom makes
// them for MySQL, names its own first and assigns columns of that one only.
func updatesOwn(s *statement.Statement) bool {
	first, _, several := strings.Cut(s.Updated().Name, ",")
	name, ok := table.NameIn(first)
	if !several || !ok || !ownName(s, name.Name) || name.Alias != s.Name.Alias {
		return false
	}
	set, _ := s.DB.Statement.Clauses["SET"].Expression.(clause.Set)
	for _, a := range set {
		column := s.Table.Canonical(statement.ColumnName(a))
		of := a.Column.Table
		if at := strings.LastIndexByte(a.Column.Name, '.'); of == "" && at > 0 {
			of = a.Column.Name[:at]
		}
		if _, own := s.Table.Index[column]; !own || of != "" && of != clause.CurrentTable && of != s.Name.Alias {
			return false
		}
	}
	return true
}

func refuseOther(s *statement.Statement, written ...string) error {
	for _, name := range written {
		if name != "" && name != clause.CurrentTable && !ownName(s, name) {
			return s.Refuse("its clauses name another table to write to; name it by db.Table or db.Model")
		}
	}
	return nil
}

// deletedFrom are the tables that a DELETE takes rows from: MySQL lists them before FROM.
func deletedFrom(clauses map[string]clause.Clause) []string {
	var names []string
	del, _ := clauses["DELETE"].Expression.(clause.Delete)
	for _, word := range strings.FieldsFunc(del.Modifier, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch strings.ToUpper(word) {
		case "LOW_PRIORITY", "QUICK", "IGNORE":
		default:
			names = append(names, word)
		}
	}
	if from, _ := clauses["FROM"].Expression.(clause.From); len(names) == 0 && len(from.Tables) > 0 {
		names = append(names, from.Tables[0].Name)
		if alias := from.Tables[0].Alias; alias != "" {
			names[0] = alias
		}
	}
	return names
}

// ownName reports whether a name, quoted or not, is that of the statement's own table.
func ownName(s *statement.Statement, name string) bool {
	bare := strings.NewReplacer("`", "", `"`, "").Replace(name)
	for _, own := range []string{s.Name.Name, s.Name.Alias, s.Name.Schema + "." + s.Name.Name, s.Table.Catalog.Name} {
		if strings.EqualFold(bare, own) {
			return true
		}
	}
	return false
}
