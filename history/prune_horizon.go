package history

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
)

// pruneType is the record type of what [Prune] records about itself.
const pruneType = "audit_prune"

// everyType stands for all record types among the horizons.
const everyType = ""

const (
	// tableHorizon begins the names under which horizons are kept by table.
	tableHorizon = "table:"
	// withdrawnMark, on the record of a pruning's end, says that nothing was deleted: the
	// horizons that its beginning announced do not hold.
	withdrawnMark = "withdrawn"
)

// horizon says how far back the records of a type reach: records made before, or
// with a seq up to Seq, may have been pruned.
type horizon struct {
	Before time.Time `json:"before"`
	Seq    int64     `json:"seq"`
}

func (h horizon) or(other horizon) horizon {
	if other.Before.After(h.Before) {
		h.Before = other.Before
	}
	h.Seq = max(h.Seq, other.Seq)
	return h
}

// horizonsRead is how many of the newest prune records are read. Each of them holds
// what the ones before it said; more than one is read since prunings may overlap.
const horizonsRead = 20

// at asks the table that other asks.
func (q Query) at(other Query) Query {
	q.in, q.table = other.in, other.table
	return q
}

// recordType is the type that the plugin gives to records about a model's rows; ""
// without a model.
func (t *rowTable) recordType() string {
	if t.schema == nil || t.schema.ModelType == nil {
		return ""
	}
	if n, ok := reflect.New(t.schema.ModelType).Interface().(interface{ AuditName() string }); ok {
		return n.AuditName()
	}
	if name := t.schema.ModelType.Name(); name != "" {
		return audit.TypeName(name)
	}
	return t.bare
}

// recordTypes are the types that records about the table's rows have, as far as that is
// known: several models may share a table. None stand for any.
func (t *rowTable) recordTypes(ctx context.Context) ([]string, error) {
	if t.types != nil || t.schema == nil {
		return t.types, nil
	}
	types := []string{t.recordType()}
	if p, ok := t.db.Plugins["auditplugin"].(interface {
		SchemaOf(table string) *schema.Schema
	}); ok {
		if s := p.SchemaOf(t.bare); s != nil {
			types = append(types, recordTypeOf(s))
		}
	}
	for _, q := range []Query{t.q.Newest(), t.q.Oldest()} {
		records, err := q.ofTable(t.name).rows().Limit(evidence).Find(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			types = append(types, r.RecordType)
		}
	}
	slices.Sort(types)
	t.types = slices.Compact(types)
	return t.types, nil
}

// kinds is the given type, or, where it is empty, what records of the table have.
func (t *rowTable) kinds(ctx context.Context, kind string) ([]string, error) {
	if kind != "" {
		return []string{kind}, nil
	}
	return t.recordTypes(ctx)
}

// checkPruned refuses moments of which records may be gone: those of the given type,
// of the table's where it is empty, and of any where there is no model. Where only the
// last ones of each row were kept, those of the given rows count.
func (t *rowTable) checkPruned(ctx context.Context, m Moment, kind string, recordIDs ...string) error {
	p, err := t.pruned(ctx)
	if err != nil || !p.any() {
		return err
	}
	kinds, err := t.kinds(ctx, kind)
	if err != nil {
		return err
	}
	for name, h := range p.horizons {
		if !t.concerns(name, kinds) {
			continue
		}
		if m.bySeq && m.seq < h.Seq || !m.bySeq && m.time.Before(h.Before) {
			return fmt.Errorf("%w: those made before %s are gone", ErrPruned, h.Before.UTC().Format(time.RFC3339))
		}
	}
	if len(recordIDs) == 0 {
		return nil
	}
	return t.checkThinned(ctx, p, m, kinds, recordIDs)
}

// pruned is what prunings have left. It is read once.
func (t *rowTable) pruned(ctx context.Context) (pruned, error) {
	if t.left == nil {
		p, err := t.q.pruned(ctx)
		if err != nil {
			return p, err
		}
		t.left = &p
	}
	return *t.left, nil
}

// hadName reports whether a horizon is that of the table, under its name or an older one.
func (t *rowTable) hadName(horizon string) bool {
	name, ok := strings.CutPrefix(horizon, tableHorizon)
	return ok && (name == t.bare || name == t.name || slices.Contains(t.q.formerly, name))
}
