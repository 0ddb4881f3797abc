package table

import (
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// rank says how a model was met. Of several models of a table the lowest rank is heard
// first, and within a rank who was met first.
type rank uint8

const (
	byOption   rank = iota // an option names it
	byWrite                // something was written by it
	byRelation             // another model refers to it
	borrowed               // it is another table's, used with db.Table
)

// source is a model of a table, one of perhaps several.
type source struct {
	schema *schema.Schema
	rank   rank
}

// sources are the models of a table, in order.
type sources []source

// with adds a model; changed is false where it was there, and no nearer.
func (x sources) with(s *schema.Schema, r rank) (all sources, changed bool) {
	all = slices.Clone(x) // who has x may be reading it
	at := slices.IndexFunc(all, func(o source) bool { return o.schema.ModelType == s.ModelType })
	switch {
	case at < 0:
		all = append(all, source{s, r})
	case r < all[at].rank:
		all[at].rank = r
	default:
		return x, false
	}
	slices.SortStableFunc(all, func(a, b source) int { return int(a.rank) - int(b.rank) })
	return all, true
}

// first is the schema for statements that name none: that of a type with a name, if any.
func (x sources) first() *schema.Schema {
	for _, s := range x {
		if named(s.schema) {
			return s.schema
		}
	}
	if len(x) == 0 {
		return nil
	}
	return x[0].schema
}

// from are the schemas, s before the others.
func (x sources) from(s *schema.Schema) []*schema.Schema {
	var all []*schema.Schema
	if s != nil {
		all = append(all, s)
	}
	for _, o := range x {
		if s == nil || o.schema.ModelType != s.ModelType {
			all = append(all, o.schema)
		}
	}
	return all
}

// learn enters a model of a table, and those that it refers to. The caller holds mu.
func (r *Registry) learn(table string, s *schema.Schema, how rank) {
	if s == nil || s.ModelType == nil {
		return
	}
	if how != borrowed && !r.Rules.same(Bare(s.Table), table) {
		how = borrowed
	}
	key := r.Rules.key(table)
	all, changed := r.sources[key].with(s, how)
	if !changed {
		return
	}
	r.sources[key] = all
	r.forget(key)
	if r.related[s.ModelType] {
		return
	}
	r.related[s.ModelType] = true
	for _, rel := range relationsOf(s) {
		if rel.FieldSchema != nil && rel.FieldSchema.ModelType != nil {
			// GORM may be parsing it at this moment, for somebody else: its own Parse waits.
			if f, err := r.Rules.parse(reflect.New(rel.FieldSchema.ModelType).Interface()); err == nil {
				r.learn(Bare(f.Table), f, byRelation)
			}
		}
		if rel.JoinTable != nil {
			r.learn(Bare(rel.JoinTable.Table), rel.JoinTable, byRelation)
		}
	}
}

func relationsOf(s *schema.Schema) []*schema.Relationship {
	s.Relationships.Mux.RLock()
	defer s.Relationships.Mux.RUnlock()
	all := make([]*schema.Relationship, 0, len(s.Relationships.Relations))
	for _, rel := range s.Relationships.Relations {
		all = append(all, rel)
	}
	// Whose model is heard first must not be a matter of chance.
	slices.SortFunc(all, func(a, b *schema.Relationship) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// forget drops what was made before a table had all the models that it has now. The
// caller holds mu.
func (r *Registry) forget(key string) {
	r.models.Range(func(k, m any) bool {
		if r.Rules.key(k.(modelKey).table) == key {
			r.models.Delete(k)
			r.tables.Range(func(k, _ any) bool {
				if k.(tableKey).model == m {
					r.tables.Delete(k)
				}
				return true
			})
		}
		return true
	})
}

// folding is how a database tells tables by name: by case or not, and by how much of it.
func folding(dialectName string) func(string) string {
	facts := dialect.FactsOf(dialectName)
	if facts.TablesFold {
		return strings.ToLower
	}
	return func(name string) string { return catalog.Cut(name, facts.NameBytes) }
}
