package history

import (
	"fmt"
	"maps"
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
		for names := strings.Split(path, "."); len(names) > 0; {
			if names[0] == clause.Associations {
				if len(names) > 1 {
					return nil, fmt.Errorf("%w: nothing can follow %q in the name of an association", ErrInvalidQuery, clause.Associations)
				}
				at.all(&model.Relationships, "")
				break
			}
			rel, n := associationOf(model, names)
			if rel == nil {
				return nil, fmt.Errorf("%w: model %s has no association %q", ErrInvalidQuery, model.Name, strings.Join(names[:n], "."))
			}
			at, model = at.sub(rel, strings.Join(names[:n], ".")), rel.FieldSchema
			names = names[n:]
		}
	}
	return root.subs, nil
}

// associationOf finds the association that the first n of some names are for. Structs that
// are embedded come before those of their fields, as with GORM: "Billing.Country".
func associationOf(s *schema.Schema, names []string) (rel *schema.Relationship, n int) {
	in := &s.Relationships
	for n, name := range names {
		if embedded := in.EmbeddedRelations[name]; embedded != nil {
			in = embedded
			continue
		}
		return in.Relations[name], n + 1
	}
	return nil, len(names)
}

// sub returns the association below b; name is its path from there.
func (b *branch) sub(rel *schema.Relationship, name string) *branch {
	for _, known := range b.subs {
		if known.rel == rel {
			return known
		}
	}
	next := &branch{path: strings.TrimPrefix(b.path+"."+name, "."), rel: rel}
	b.subs = append(b.subs, next)
	return next
}

// all adds all associations of the model, by name, those of embedded structs too.
func (b *branch) all(in *schema.Relationships, prefix string) {
	for _, name := range slices.Sorted(maps.Keys(in.Relations)) {
		// GORM notes the other side of associations here too ("_Customer_Orders" of an
		// order). They are no fields of the model, and their keys are another table's.
		if !strings.HasPrefix(name, "_") {
			b.sub(in.Relations[name], prefix+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.EmbeddedRelations)) {
		b.all(in.EmbeddedRelations[name], prefix+name+".")
	}
}
