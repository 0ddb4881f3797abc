package history

import (
	"fmt"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
)

// Column asks for updates that changed one of the given columns. Creates and
// deletes concern whole rows and are not among them; see [Query.From] and
// [Query.To]. Where a model is known, the names of its fields do as well.
func (q Query) Column(names ...string) Query {
	if len(names) == 0 {
		return q.failed("Column: nothing given")
	}
	return q.where(func(b *builder) (clause.Expression, error) {
		var found []clause.Expression
		for _, name := range names {
			for _, n := range b.names(b.columnName(name)) {
				e, err := b.changed(n)
				if err != nil {
					return nil, err
				}
				found = append(found, e)
			}
		}
		return condition.OneOf(found), nil
	})
}

// Path asks for updates that changed the value at a path: a column, or, inside a
// JSON column, the column and the keys and list indexes below it, joined by dots
// ("address.city"). A change below the path counts, and so does one above it that
// brought the path along or took it away. Dots and backslashes inside a key are
// written with a backslash before them.
func (q Query) Path(path string) Query {
	elements := diffpath.Split(path)
	if len(elements) == 0 || elements[0] == "" {
		return q.failed("Path(%q)", path)
	}
	return q.where(func(b *builder) (clause.Expression, error) {
		var found []clause.Expression
		for _, n := range b.names(b.columnName(elements[0])) {
			at := append([]string{n}, elements[1:]...)
			changed, err := b.changed(n) // narrows down what is looked into
			if err != nil {
				return nil, err
			}
			concerned, err := b.changedAt(at)
			if err != nil {
				return nil, err
			}
			found = append(found, condition.AllOf(changed, concerned))
		}
		return condition.OneOf(found), nil
	})
}

// columnName accepts a field's name where the model is known.
func (b *builder) columnName(name string) string {
	if b.schema != nil {
		if f := b.schema.LookUpField(name); f != nil && f.DBName != "" {
			return f.DBName
		}
	}
	return name
}

// changed is the condition that a column's name is in changed.
func (b *builder) changed(name string) (clause.Expression, error) {
	if name == "" {
		return nil, fmt.Errorf("%w: column without a name", ErrInvalidQuery)
	}
	return b.sql.Changed(name)
}

// Unknown is the error of conditions on columns in a dialect that is not known.
func (b *builder) Unknown() error {
	return fmt.Errorf("%w: conditions on columns are not known in the dialect %q", ErrInvalidQuery, b.db.Name())
}

// changedAt is the condition that a change concerns the path.
func (b *builder) changedAt(path []string) (clause.Expression, error) {
	below, err := b.sql.ChangeBelow(diffpath.Join(path))
	if err != nil {
		return nil, err
	}
	found := []clause.Expression{nil, below}
	for i := 1; i <= len(path); i++ {
		at, err := b.sql.ChangeAt(diffpath.Join(path[:i]), path[i:])
		if err != nil {
			return nil, err
		}
		if i == len(path) {
			found[0] = at
		} else {
			found = append(found, at)
		}
	}
	return condition.OneOf(found), nil
}
