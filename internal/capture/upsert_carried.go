package capture

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// upsert is an INSERT that may meet rows. What it does to those, foreign keys carry on to
// others: where it assigns what they refer to, and where it removes what is in its way.
func upsert(i Images, s *statement.Statement, oc clause.OnConflict) (statement.Outcome, error) {
	how := cascade{deleting: replaces(s), columns: assigned(oc)}
	if !cascades(s, s.Table, how) {
		return i.Upsert(s, oc)
	}
	if how.deleting && cascades(s, s.Table, cascade{columns: how.columns}) {
		return statement.Outcome{}, s.Refuse("foreign keys carry on what it assigns, and its table may replace rows")
	}
	if err := i.Ready(s); err != nil {
		return statement.Outcome{}, err
	}
	if !s.Dialect.MeetsAny {
		s.Target = statement.ColumnNames(oc.Columns)
	}
	lock, _ := s.Dialect.ConflictLock(s.Table.Catalog, s.Table.Name.Alias)
	if lock == "" {
		lock = s.Dialect.ReadLock // which opens no snapshot
	}
	met, err := readByUniques(s, s.Values(), lock)
	if err != nil {
		return statement.Outcome{}, err
	}
	below, err := findChildren(s, s.Table, met, how)
	if err != nil {
		return statement.Outcome{}, err
	}
	out, err := i.Upsert(s, oc)
	if err != nil {
		return out, err
	}
	parents, err := carriers(s, met, how)
	if err != nil {
		return out, err
	}
	return out, finishChildren(s, below, parents)
}

// carriers are the rows whose change is carried on, by their former identity. All of them
// must have been met as was read, and none may be one that is reached itself: what it is in
// the end was not read.
func carriers(s *statement.Statement, met []table.Row, how cascade) (map[string]parent, error) {
	t := s.Table
	known := make(map[string]bool, len(met))
	for _, r := range met {
		known[t.Identity(r.Image)] = true
	}
	parents := map[string]parent{}
	for _, c := range s.Log.Held() {
		if c.Table != t || c.Before == nil {
			continue
		}
		id := t.Identity(c.Before)
		for _, fk := range t.Catalog.Incoming {
			if !carries(t, c.Before, c.After, fk, how) {
				continue
			}
			if !known[id] {
				return nil, s.Refuse("foreign keys carry it on from a row that it meets by more than the columns that are sent")
			}
			if reaches(t, c.Before, fk, met) {
				return nil, s.Refuse("foreign keys carry it on to rows that it is about itself")
			}
		}
		p := parent{record: c.ID, after: c.After}
		if how.deleting {
			p.after = nil // rows of the same key take its place
		}
		parents[id] = p
	}
	return parents, nil
}

// carries reports whether a foreign key carries the change of a row on.
func carries(t *table.Table, before, after table.Image, fk catalog.ForeignKey, how cascade) bool {
	if how.action(fk) == "" {
		return false
	}
	return how.deleting || slices.ContainsFunc(t.Positions(fk.RefColumns), func(at int) bool {
		return after == nil || !table.Same(before[at:at+1], after[at:at+1])
	})
}

// reaches reports whether a foreign key within the table leads from one of the rows to the
// parent.
func reaches(t *table.Table, parent table.Image, fk catalog.ForeignKey, rows []table.Row) bool {
	cols, refs := t.Positions(fk.Columns), t.Positions(fk.RefColumns)
	if fk.Table != t.Catalog.Name || fk.Schema != t.Catalog.Schema || cols == nil || refs == nil {
		return false
	}
	return slices.ContainsFunc(rows, func(r table.Row) bool {
		return !r.Image.HasNull(cols) && r.Image.Identity(cols) == parent.Identity(refs)
	})
}
