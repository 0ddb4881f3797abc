package trigger

import (
	"fmt"
	"slices"
	"strings"
)

// Mask hides the values of columns, "users.phone", as audit:"mask" does: for tables that
// [For] names without a model. A column that is in no such table, or of the table's key, is
// refused. What is to be left out, auditplugin.WithoutColumns says.
func Mask(columns ...string) Option {
	return func(r *request) error {
		for _, column := range columns {
			if at := strings.LastIndexByte(column, '.'); at < 1 || at == len(column)-1 {
				return fmt.Errorf("%w: Mask: %q is not table.column", ErrInvalid, column)
			}
		}
		r.masked = append(r.masked, columns...)
		return nil
	}
}

// RecordType is what records of a table say that its rows are, "user", where [For] names
// the table without a model. The default is the table's name.
func RecordType(table, name string) Option {
	return func(r *request) error {
		if table == "" || name == "" {
			return fmt.Errorf("%w: RecordType: an empty name", ErrInvalid)
		}
		if r.types == nil {
			r.types = map[string]string{}
		}
		r.types[table] = name
		return nil
	}
}

// plainly has the options for tables without a model say what they say of one.
func (r *request) plainly(s *subject) error {
	is := func(name string) bool {
		return name == s.Catalog.Name || name == s.Catalog.Schema+"."+s.Catalog.Name
	}
	for name, kind := range r.types {
		if is(name) {
			m := *s.Table.Model // which other tables' subjects may share
			m.RecordType = kind
			s.Table.Model = &m
		}
	}
	for _, column := range r.masked {
		at := strings.LastIndexByte(column, '.')
		if !is(column[:at]) {
			continue
		}
		i, ok := s.At(column[at+1:])
		if !ok || slices.Contains(s.Key, i) {
			return fmt.Errorf("%w: Mask: table %s has no column %q, or it is of the key", ErrInvalid, s.Catalog.Name, column[at+1:])
		}
		s.masked = append(s.masked, i)
	}
	return nil
}

// unmasked is an error about masks of which no table knows.
func (r *request) unmasked(all []*subject) error {
	n := 0
	for _, s := range all {
		n += len(s.masked)
	}
	if n < len(r.masked) {
		return fmt.Errorf("%w: Mask: a column of a table that gets no triggers", ErrInvalid)
	}
	return nil
}
