package history

import (
	"fmt"
	"strings"
)

// Columns makes a revert set back the given columns only: names of columns, or of a
// model's fields, alone ("phone") or with their table's name ("users.phone"). Changes
// of other columns since are then no conflict, and secrets in them no obstacle.
//
//	done, err := history.RevertTo(ctx, db, &user, monday, history.Columns("phone", "email"))
//
// Rows as a whole are not a matter of columns: where one would have to be inserted or
// deleted, the revert fails with [ErrNotRevertible], or, with [Force], leaves it alone.
// A name that none of the revert's tables has is [ErrInvalidQuery].
func Columns(names ...string) Option {
	return func(s *settings) {
		if s.revert.columns == nil {
			s.revert.columns = []string{}
		}
		s.revert.columns = append(s.revert.columns, names...)
	}
}

// only returns the columns of a table that are set back; nil is all.
func (v *reverter) only(t *rowTable) (map[int]bool, error) {
	if v.settings.revert.columns == nil {
		return nil, nil
	}
	only := map[int]bool{}
	for _, name := range v.settings.revert.columns {
		if name == "" {
			return nil, fmt.Errorf("%w: Columns: a column without a name", ErrInvalidQuery)
		}
		column := name
		if cut := strings.LastIndexByte(name, '.'); cut >= 0 {
			if bareTable(name[:cut]) != t.bare {
				continue
			}
			column = name[cut+1:]
		}
		if t.schema != nil {
			if f := t.schema.LookUpField(column); f != nil && f.DBName != "" {
				column = f.DBName
			}
		}
		if i, ok := t.index[column]; ok {
			only[i] = true
			v.met(name)
		}
	}
	return only, nil
}

func (v *reverter) met(name string) {
	if v.columns == nil {
		v.columns = map[string]bool{}
	}
	v.columns[name] = true
}

// checkColumns refuses names that no table had. Where there was nothing to do, nobody
// knows.
func (v *reverter) checkColumns() error {
	if len(v.columns) == 0 && len(v.done.Steps) == 0 {
		return nil
	}
	for _, name := range v.settings.revert.columns {
		if !v.columns[name] {
			return fmt.Errorf("%w: Columns: there is no column %q", ErrInvalidQuery, name)
		}
	}
	return nil
}

// wholeRow reports whether a row may be inserted or deleted.
func (v *reverter) wholeRow(u *undoing) (bool, error) {
	if v.settings.revert.columns == nil || v.settings.revert.force {
		return v.settings.revert.columns == nil, nil
	}
	return false, fmt.Errorf("%w: row %q of table %q would come or go as a whole, and Columns are given", ErrNotRevertible, u.id.recordID, u.t.bare)
}
