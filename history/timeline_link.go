package history

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// Link says what a row of a join table stands for: that one row was added to
// another's association, or removed from it.
type Link struct {
	// Association is the name of the many2many association: "Roles".
	Association string `json:"association"`
	// Added and Removed tell what happened; both are false for other changes of the
	// row of the join table.
	Added   bool `json:"added,omitempty"`
	Removed bool `json:"removed,omitempty"`
	// OwnerType and OwnerID name the row that has the association, Type and ID the
	// one that was added or removed, as records name them. Name is what [Names] knows
	// it by.
	OwnerType string `json:"owner_type,omitempty"`
	OwnerID   string `json:"owner_id"`
	Type      string `json:"type,omitempty"`
	ID        string `json:"id"`
	Name      string `json:"name,omitempty"`
}

// Timeline asks q and turns what it finds into entries. With [Query.With], they tell
// by which association a row belongs, and rows of join tables read as what they add
// and remove:
//
//	entries, err := history.Of(db, &user).With("Roles", "Orders.Lines").Newest().Limit(50).Timeline(ctx)
func (q Query) Timeline(ctx context.Context, opts ...FormatOption) ([]Entry, error) {
	records, f, err := q.told(ctx, opts)
	if err != nil {
		return nil, err
	}
	entries, err := f.named(ctx, records)
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// Text asks q and writes what it finds as the function [Text] does, and [Query.Timeline]
// says:
//
//	2026-11-23 11:17:59 UTC  update order_line 12  by Grace (user 7)
//	    qty: 1 → 2
//	2026-11-23 11:18:03 UTC  added tag 3  by Grace (user 7)
func (q Query) Text(ctx context.Context, w io.Writer, opts ...FormatOption) error {
	records, f, err := q.told(ctx, opts)
	if err != nil {
		return err
	}
	return f.write(ctx, w, records)
}

// JSON asks q and writes the entries of [Query.Timeline] as the function [JSON] does.
func (q Query) JSON(ctx context.Context, w io.Writer, opts ...FormatOption) error {
	entries, err := q.Timeline(ctx, opts...)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(w).Encode(entries); err != nil {
		return fmt.Errorf("auditplugin: writing the timeline: %w", err)
	}
	return nil
}

func (q Query) told(ctx context.Context, opts []FormatOption) ([]audit.Record, format, error) {
	f := newFormat(opts)
	q, err := q.gathered(ctx)
	if err != nil {
		return nil, f, err
	}
	if q.kin != nil {
		f.family = q.kin.family
	}
	records, err := q.Find(ctx)
	if err != nil {
		return nil, f, err
	}
	return records, f, f.err
}

// Associations tells [Timeline], [Text] and [JSON] of the models' many2many
// associations, and those of the models that they lead to, so that rows of their join
// tables read as what they add and remove ("added role 2"), whatever was asked.
// [Query.Timeline] and its like need it only without [Query.With]. What is not a
// model is an error of Text and JSON.
func Associations(db *gorm.DB, models ...any) FormatOption {
	return func(f *format) {
		if f.joins == nil {
			f.joins = map[string]*joinTable{}
		}
		seen := map[*schema.Schema]bool{}
		for _, model := range models {
			s, err := schemaIn(db, model)
			if err != nil {
				f.fail(err)
				continue
			}
			f.learn(s, seen)
		}
	}
}

func (f *format) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// learn goes through the associations that lead from a model.
func (f *format) learn(s *schema.Schema, seen map[*schema.Schema]bool) {
	if seen[s] {
		return
	}
	seen[s] = true
	names := make([]string, 0, len(s.Relationships.Relations))
	for name := range s.Relationships.Relations {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		rel := s.Relationships.Relations[name]
		if rel.JoinTable != nil {
			if table := bareTable(rel.JoinTable.Table); f.joins[table] == nil {
				f.joins[table] = joinOf(rel, name)
			}
		}
		f.learn(rel.FieldSchema, seen)
	}
}

// relate adds to an entry what is known of its row's associations.
func (f format) relate(e *Entry, r *audit.Record) {
	var j *joinTable
	if f.family != nil {
		if k := f.family.of(r); k != nil {
			e.Association, j = k.path, k.join
		}
	}
	if j == nil {
		j = f.joins[r.Table]
	}
	if j == nil {
		return
	}
	l := &Link{Association: j.association, OwnerType: j.ownerType, Type: j.otherType}
	image := r.After
	switch r.Action {
	case audit.Create, audit.Restore:
		l.Added = true
	case audit.Delete, audit.SoftDelete:
		l.Removed = true
	}
	if r.Action == audit.Delete {
		image = r.Before
	}
	l.OwnerID, l.ID = namedBy(image, j.owner), namedBy(image, j.other)
	if l.OwnerID == "" || l.ID == "" {
		// Only the key of the row tells, if its columns are those of both sides.
		if texts := f.joinKey(j, r.RecordID); texts != nil {
			l.OwnerID, l.ID = recordIDOf(texts[:len(j.owner)]), recordIDOf(texts[len(j.owner):])
		}
	}
	if l.OwnerID == "" || l.ID == "" {
		return
	}
	e.Link = l
	if l.Added || l.Removed {
		e.Fields = slices.DeleteFunc(slices.Clip(e.Fields), func(field Field) bool {
			path := diffpath.Split(field.Path)
			return len(path) == 1 && (slices.Contains(j.owner, path[0]) || slices.Contains(j.other, path[0]))
		})
	}
}

// namedBy is the record id of the row that the columns name; "" if they are not all there.
func namedBy(image map[string]any, columns []string) string {
	vals := make([]any, len(columns))
	for i, name := range columns {
		if vals[i] = image[name]; vals[i] == nil || hides(vals[i], false) {
			return ""
		}
	}
	return values.RecordID(vals)
}

// joinKey takes the key of a join table's row apart: the owner's side first.
func (f format) joinKey(j *joinTable, recordID string) []string {
	var t *rowTable
	if f.family != nil {
		for _, k := range f.family.kin {
			if k.join == j {
				t = k.table
			}
		}
	}
	if t == nil || len(t.key) != len(j.owner)+len(j.other) {
		return nil
	}
	texts := t.keyTexts(recordID)
	if texts == nil {
		return nil
	}
	var ordered []string
	for _, name := range append(slices.Clip(j.owner), j.other...) {
		at := slices.IndexFunc(t.key, func(i int) bool { return t.columns[i].name == name })
		if at < 0 {
			return nil
		}
		ordered = append(ordered, texts[at])
	}
	return ordered
}

// heading says what happened to which row.
func (f format) heading(e Entry) string {
	if l := e.Link; l != nil && (l.Added || l.Removed) {
		verb, to := "added ", " to "
		if l.Removed {
			verb, to = "removed ", " from "
		}
		text := verb + f.visible(strings.TrimSpace(l.Type+" "+f.called(l.Name, l.ID)))
		if e.Association == "" || strings.Contains(e.Association, ".") {
			text += to + f.visible(strings.TrimSpace(l.OwnerType+" "+l.OwnerID))
		}
		return text
	}
	text := f.visible(string(e.Action))
	if what := e.subject(); what != "" {
		text += " " + f.visible(what)
	}
	return text
}

// called is a name with the key behind it, or the key alone.
func (f format) called(name, key string) string {
	if name == "" {
		return key
	}
	return name + " (" + key + ")"
}
