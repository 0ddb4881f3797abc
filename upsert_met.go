package auditplugin

import (
	"slices"

	"gorm.io/gorm/clause"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// withoutMet leaves out of after the rows that were only found by a unique key which
// the statement sent, but did not insert: where a row that was sent meets two rows
// by two keys, MySQL updates one of them, and the other stays as it is. A row that was
// sent and met another inserted nothing, be that one of before or one of the
// statement's own. Where the key is assigned, a row may stand under another one than
// its before image, and all are kept. Where as many rows are new as the statement
// inserted, there is nothing to leave out: a row that was met may have given up the
// key by which another was then inserted.
func (j *job) withoutMet(oc clause.OnConflict, vals clause.Values, before, own, after []row, inserted int) []row {
	for _, a := range oc.DoUpdates {
		// GORM words DO NOTHING as an assignment of the key to itself.
		if c, ok := a.Value.(clause.Column); ok && c.Name == a.Column.Name && c.Table != "excluded" {
			continue
		}
		if slices.Contains(j.t.keyNames(), columnName(a)) {
			return after
		}
	}
	hit := slices.Concat(before, own)
	stays := make(map[string]bool, len(hit))
	for _, r := range hit {
		stays[j.t.identity(r.image)] = true
	}
	fresh := 0
	for _, a := range after {
		if !stays[j.t.identity(a.image)] {
			fresh++
		}
	}
	if fresh == inserted {
		return after
	}
	sent := j.sentKeys(vals)
	return slices.DeleteFunc(after, func(a row) bool {
		if stays[j.t.identity(a.image)] {
			return false
		}
		met := false
		for _, keys := range sent {
			if !keys.meet(a.image) {
				continue
			}
			if !slices.ContainsFunc(hit, func(b row) bool { return keys.meet(b.image) }) {
				return false // it may well have been inserted by this one
			}
			met = true
		}
		return met
	})
}

// sentKey is a unique key of a row that was sent: its columns and their values.
type sentKey struct {
	at   []int
	vals image
}

type sentKeys []sentKey

// sentKeys are the unique keys of each row in VALUES, as far as they are literal.
func (j *job) sentKeys(vals clause.Values) []sentKeys {
	all := make([]sentKeys, len(vals.Values))
	for _, unique := range j.uniques() {
		at := positions(j.t, unique)
		if at == nil {
			continue
		}
		for n, v := range vals.Values {
			one := clause.Values{Columns: vals.Columns, Values: [][]any{v}}
			for _, tuple := range tuplesOf(one, unique) {
				key := sentKey{at: at, vals: make(image, len(at))}
				for i, k := range at {
					key.vals[i] = j.t.rules[k].Normalise(tuple[i])
				}
				if !slices.Contains(key.vals, nil) {
					all[n] = append(all[n], key)
				}
			}
		}
	}
	return all
}

// meet reports whether a row has one of the keys.
func (s sentKeys) meet(img image) bool {
	return slices.ContainsFunc(s, func(key sentKey) bool {
		for i, k := range key.at {
			if !values.Equal(key.vals[i], img[k]) {
				return false
			}
		}
		return true
	})
}
