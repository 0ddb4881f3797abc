package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
)

// keptHorizon says what a pruning with KeepLast left: of the records of each row with a
// seq up to Last, creations apart, at least the last Keep. Those that it let go of were
// made before Before, with a seq up to Seq.
type keptHorizon struct {
	horizon
	Last int64 `json:"last"`
	Keep int   `json:"keep"`
}

// coveredBy reports whether a row that other finds complete is complete for h too.
func (h keptHorizon) coveredBy(other keptHorizon) bool {
	return other.Keep <= h.Keep && other.Last >= h.Last && other.Seq >= h.Seq && !other.Before.Before(h.Before)
}

// addKept adds a horizon and drops those that say nothing beside it.
func addKept(all []keptHorizon, h keptHorizon) []keptHorizon {
	if slices.ContainsFunc(all, h.coveredBy) {
		return all
	}
	all = slices.DeleteFunc(slices.Clone(all), func(old keptHorizon) bool { return old.coveredBy(h) })
	return append(all, h)
}

// pruned is what prunings have left.
type pruned struct {
	horizons map[string]horizon
	kept     map[string][]keptHorizon
	// since is when the trail began, as the first pruning found it; zero where none says.
	since time.Time
}

func (p pruned) any() bool { return len(p.horizons)+len(p.kept) > 0 }

// pruned reads what the newest prunings said. Each says again what those before it did.
func (q Query) pruned(ctx context.Context) (pruned, error) {
	all := pruned{horizons: map[string]horizon{}, kept: map[string][]keptHorizon{}}
	records, err := Search(q.db).at(q).ofRow(bareTable(q.auditTable()), "").Type(pruneType).Newest().Limit(horizonsRead).Find(ctx)
	if err != nil {
		return all, err
	}
	withdrawn := map[string]bool{}
	for _, r := range records {
		if r.Metadata[withdrawnMark] == true {
			withdrawn[r.Cause] = true
		}
		if withdrawn[r.ID] {
			continue
		}
		some := map[string]horizon{}
		kept := map[string][]keptHorizon{}
		since := time.Time{}
		if !metadataInto(r.Metadata["horizons"], &some) || !metadataInto(r.Metadata["kept"], &kept) || !metadataInto(r.Metadata["since"], &since) {
			return all, fmt.Errorf("%w: record %q of a pruning is not what this version writes", ErrPruned, r.ID)
		}
		if all.since.IsZero() || !since.IsZero() && since.Before(all.since) {
			all.since = since
		}
		for kind, h := range some {
			all.horizons[kind] = all.horizons[kind].or(h)
		}
		for kind, list := range kept {
			for _, h := range list {
				all.kept[kind] = addKept(all.kept[kind], h)
			}
		}
	}
	return all, nil
}

func metadataInto(v, into any) bool {
	text, err := json.Marshal(v)
	return err != nil || json.Unmarshal(text, into) == nil
}

// concerns reports whether a horizon's name stands for the table's records, of one of
// the given types or, without them, of any.
func (t *rowTable) concerns(name string, kinds []string) bool {
	if strings.HasPrefix(name, tableHorizon) {
		return t.hadName(name)
	}
	return name == everyType || len(kinds) == 0 || slices.Contains(kinds, name)
}

// keptFor returns the horizons that moments before them ask about.
func (t *rowTable) keptFor(p pruned, kinds []string) []keptHorizon {
	var all []keptHorizon
	for _, name := range slices.Sorted(maps.Keys(p.kept)) {
		if t.concerns(name, kinds) {
			for _, h := range p.kept[name] {
				all = addKept(all, h)
			}
		}
	}
	return all
}

// checkThinned refuses moments behind which one of the rows has as many records as were
// kept: there may have been more.
func (t *rowTable) checkThinned(ctx context.Context, p pruned, m Moment, kinds, ids []string) error {
	for _, h := range t.keptFor(p, kinds) {
		if m.bySeq && m.seq >= h.Seq || !m.bySeq && !m.time.Before(h.Before) {
			continue
		}
		// A pruning counts what shares a trail, whatever the question is narrowed to.
		whole := t.q
		whole.conditions, whole.scopes = nil, nil
		crowded, err := t.crowded(ctx, whole.from(m), h, ids)
		if err != nil {
			return err
		}
		if crowded {
			return fmt.Errorf("%w: only the last %d of each row were kept of those made before %s", ErrPruned, h.Keep, h.Before.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// crowded reports whether one of the rows, or of all without ids, has as many of the
// records that q asks for as a pruning has kept.
func (t *rowTable) crowded(ctx context.Context, q Query, h keptHorizon, ids []string) (bool, error) {
	q = q.ofTable(t.name).Action(audit.Update, audit.Delete, audit.SoftDelete, audit.Restore).where(func(*builder) (clause.Expression, error) {
		return clause.Lte{Column: condition.Column("seq"), Value: h.Last}, nil
	})
	if len(ids) > 0 {
		q = q.anyOf("record", "record_id", ids)
	}
	tx, _, err := q.conditioned(ctx)
	if err != nil {
		return false, err
	}
	found := false
	err = each(tx.Select("COUNT(*)").Group("record_id").Having("COUNT(*) >= ?", h.Keep).Limit(1), func(scan func(...any) error) error {
		var n int64
		found = true
		return scan(&n)
	})
	if err != nil {
		return false, fmt.Errorf("auditplugin: reading records: %w", err)
	}
	return found, nil
}

// gap reports whether records of a row may be gone from right behind a record of it,
// though later ones are there.
func (t *rowTable) gap(ctx context.Context, id rowID, r *audit.Record) (bool, error) {
	p, err := t.pruned(ctx)
	if err != nil || len(p.kept) == 0 {
		return false, err
	}
	err = t.checkThinned(ctx, p, AtSeq(r.Seq), []string{r.RecordType}, []string{id.recordID})
	if err == nil {
		return false, nil
	}
	if errors.Is(err, ErrPruned) {
		return true, nil
	}
	return false, err
}

// checkAllThinned is checkThinned for rows that are not known yet: those of an
// association, whose records would name them.
func (t *rowTable) checkAllThinned(ctx context.Context, m Moment) error {
	if m.bySeq && m.seq == math.MaxInt64 {
		return nil
	}
	p, err := t.pruned(ctx)
	if err != nil || len(p.kept) == 0 {
		return err
	}
	types, err := t.recordTypes(ctx)
	if err != nil {
		return err
	}
	return t.checkThinned(ctx, p, m, types, nil)
}
