package history

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// With adds what belongs to the row that [Of] names: the records of its
// associations' rows, each for the time that it belonged to the row. Associations
// have the names of the model's fields, nested ones are joined by dots, and
// [gorm.io/gorm/clause.Associations] stands for all of the model's own:
//
//	records, err := history.Of(db, &order).With("Lines", "Customer.Addresses").Find(ctx)
//
// Has one, has many (polymorphic ones too), belongs to and many2many are known. Rows
// that are gone, or belong to another row now, are found in the records. A row comes
// with the records from the one that made it belong, and what its transaction did to
// the row, to the one that ended that. Of many2many the rows of the join table come
// as well. Calls add up; an association brings along those that lead to it.
//
// A question with associations asks a number of queries that depends on how many
// associations there are, and on how many thousand rows belong, not on each row. For
// rows that once belonged, all records of their tables' creations, deletions and
// changes of the foreign key are gone through; see docs/history.md for indexes.
//
// A foreign key that is masked, hashed or never recorded makes it fail with
// [ErrRedacted], an unknown association with [ErrInvalidQuery]. [Query.Formerly] is
// about the table of the row itself. [Query.DB] puts all rows into one condition,
// which databases refuse for tens of thousands of them.
func (q Query) With(associations ...string) Query {
	q.with = append(slices.Clip(q.with), associations...)
	q.kin = nil
	for _, name := range associations {
		if name == "" {
			return q.failed("With: an association without a name")
		}
	}
	return q
}

// With makes [AsOf] fill in the row's associations, as they were at the moment, and
// [RevertTo] set back all that belonged to it. Names are as for [Query.With]:
//
//	err := history.AsOf(ctx, db, &order, monday, history.With("Lines", "Customer.Addresses"))
//
// Rows that were soft-deleted at the moment are left out of AsOf's associations, as
// GORM's Preload does, unless db is Unscoped. The other functions, which are about one
// row or one record, refuse it with [ErrInvalidQuery].
func With(associations ...string) Option {
	return func(s *settings) { s.with = append(s.with, associations...) }
}

// alone refuses associations where a function is about rows without them.
func (s *settings) alone(function string) error {
	if len(s.with) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s takes no associations", ErrInvalidQuery, function)
}

// branch is an association, and those named below it.
type branch struct {
	path string // "Customer.Addresses"
	rel  *schema.Relationship
	subs []*branch
}

// branches makes a tree of names with dots.
func branches(s *schema.Schema, paths []string) ([]*branch, error) {
	root := &branch{}
	for _, path := range paths {
		at, model := root, s
		for _, name := range strings.Split(path, ".") {
			if name == clause.Associations {
				if err := at.all(model); err != nil {
					return nil, err
				}
				break
			}
			next, err := at.sub(model, name)
			if err != nil {
				return nil, err
			}
			at, model = next, next.rel.FieldSchema
		}
	}
	return root.subs, nil
}

// sub returns the association of that name below b.
func (b *branch) sub(model *schema.Schema, name string) (*branch, error) {
	for _, known := range b.subs {
		if known.rel.Name == name {
			return known, nil
		}
	}
	rel := model.Relationships.Relations[name]
	if rel == nil {
		return nil, fmt.Errorf("%w: model %s has no association %q", ErrInvalidQuery, model.Name, name)
	}
	next := &branch{path: strings.TrimPrefix(b.path+"."+name, "."), rel: rel}
	b.subs = append(b.subs, next)
	return next, nil
}

// all adds all associations of the model, by name.
func (b *branch) all(model *schema.Schema) error {
	var names []string
	for name := range model.Relationships.Relations {
		// GORM notes the other side of associations here too ("_Customer_Orders" of an
		// order). They are no fields of the model, and their keys are another table's.
		if !strings.HasPrefix(name, "_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if _, err := b.sub(model, name); err != nil {
			return err
		}
	}
	return nil
}
