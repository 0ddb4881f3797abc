package auditplugin

import (
	"errors"
	"slices"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// keepsKeys reports whether the UPDATE leaves the key of its rows alone, so that a
// row is found again by the key it had. The application wants no rows of it.
func (j *job) keepsKeys(names []string) bool {
	t := j.t
	return len(t.key) > 0 && len(names) > 0 && !j.wantRows && !slices.ContainsFunc(t.keyNames(), func(k string) bool {
		return slices.Contains(names, k)
	})
}

// updateKeyed is the UPDATE of one table's rows by other columns than their key:
// reading, writing, and finding out what was written, without holding every row
// as it is.
func (j *job) updateKeyed(names []string) (outcome, error) {
	t := j.t
	if err := j.refuseChance(); err != nil {
		return outcome{}, err
	}
	if err := j.takeWriteLock(); err != nil {
		return outcome{}, err
	}
	before := &held{t: t}
	query, args := j.selectTarget(selection{columns: t.list, lock: j.lockFor(t, t.keysChange(names))})
	err := j.stream(query, args, len(t.cols), func(raw []any) error { before.add(raw); return nil })
	if err != nil {
		return outcome{}, err
	}
	alike := j.storesAlike(names, before)
	if !alike {
		if query, ok := j.updateReturning(); ok {
			return j.runReturning(query, before)
		}
	}
	out, err := j.plain()
	if err != nil {
		return out, err
	}
	if err := j.checkGap(out, before.len()); err != nil {
		return out, err
	}
	if alike {
		return out, j.fromOne(names, before, out)
	}
	if j.inferAfter(names, before, out) {
		return out, nil
	}
	return out, j.readBack(before)
}

// updateReturning is the application's UPDATE, made to return the rows it changed:
// where that is what will be stored, nothing has to be read back.
func (j *job) updateReturning() (query string, ok bool) {
	t, server := j.t, j.p.server
	if server.Dialect != "sqlite" || !server.AtLeast(3, 35, 0) || j.p.cfg.portable || t.tbl.Kind != catalog.Plain {
		return "", false
	}
	// What triggers do to the table comes after RETURNING.
	if t.tbl.Triggered || !j.ref.simple || j.joins() {
		return "", false
	}
	return j.withReturning(t)
}

var errUnexpectedRow = errors.New("auditplugin: a row was changed that was not read")

func (j *job) runReturning(query string, before *held) (outcome, error) {
	n, after := int64(0), make(image, len(j.t.cols))
	err := j.streamUser(query, j.args, len(j.t.cols), func(raw []any) error {
		n++
		j.t.normaliseInto(after, raw)
		row, ok := before.find(j.t.identity(after))
		if !ok {
			return j.auditError(errUnexpectedRow)
		}
		if b := before.image(row); !sameImage(b, after) {
			j.log.note(j.t, b, after)
		}
		return nil
	})
	if err != nil {
		return outcome{}, err
	}
	return j.insertOutcome(nil, n)
}

// readBack reads the rows again, by their keys.
func (j *job) readBack(before *held) error {
	for from := 0; from < before.len(); from += keyBatch {
		to := min(from+keyBatch, before.len())
		tuples := make([][]any, 0, to-from)
		for row := from; row < to; row++ {
			tuples = append(tuples, before.key(row))
		}
		rows, err := j.readBy(j.t, j.t.keyNames(), tuples, j.readLock())
		if err != nil {
			return err
		}
		after := make(map[string]image, len(rows))
		for _, r := range rows {
			after[j.t.identity(r.image)] = r.image
		}
		for row := from; row < to; row++ {
			b := before.image(row)
			if img := after[j.t.identity(b)]; img == nil || !sameImage(b, img) {
				j.log.note(j.t, b, img)
			}
		}
	}
	return nil
}
