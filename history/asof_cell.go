package history

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history/internal/condition"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// cell is the value of one column of a row at some moment.
type cell struct {
	state cellState
	// value is canonical. raw is what the driver gave, for values of the present.
	value, raw any
	present    bool
}

type cellState uint8

const (
	unset    cellState = iota
	known              // value says what it was
	redacted           // the record shows it masked
	lost               // it changed, and no record has it
	absent             // no record speaks of the column
	erased             // it was taken out of the records
)

// image is a row at some moment, a cell for each column.
type image []cell

// fromRecord reads a value that a record holds for a column.
func (t *rowTable) fromRecord(i int, v any) cell {
	c := &t.columns[i]
	switch {
	case v == nil:
		return cell{state: known}
	case holdsErased(v):
		return cell{state: erased}
	case c.drops || hides(v, c.secret):
		return cell{state: redacted}
	case isTruncated(v) || tooDeep(v, 1) || c.rule.IsJSON() && hasFarNumber(v):
		return cell{state: lost}
	}
	value, ok := c.rule.Recorded(v)
	if !ok || t.facts.TypesAreLoose && c.ambiguous(value) {
		return cell{state: lost}
	}
	return cell{state: known, value: value}
}

// hides reports whether a recorded value is a mask or a hash, or holds one. Which
// columns were secret when it was recorded is not known, so that what looks like a
// mask is taken for one.
func hides(v any, secret bool) bool {
	switch x := v.(type) {
	case string:
		rest, masked := strings.CutPrefix(x, redact.Mask)
		return isHash(x) || masked && (secret || len(rest) <= maxTail && strings.IndexFunc(rest, unicode.IsSpace) < 0)
	case map[string]any:
		if isErased(x) {
			return true
		}
		for _, e := range x {
			if hides(e, secret) {
				return true
			}
		}
	case []any:
		for _, e := range x {
			if hides(e, secret) {
				return true
			}
		}
	}
	return false
}

// maxTail bounds what audit:"mask=N" can show, in bytes.
const maxTail = 64 * 4

// isTruncated recognises what stands for a value that was too long.
func isTruncated(v any) bool {
	m, ok := v.(map[string]any)
	if !ok || m["truncated"] != true || len(m) != 1 && len(m) != 3 {
		return false
	}
	_, hash := m["sha256"].(string)
	return len(m) == 1 || hash
}

// maxNested is how many levels of a document records hold as such: from there on, a
// text stands for what is below.
const maxNested = 23

func tooDeep(v any, depth int) bool {
	switch x := v.(type) {
	case string:
		return depth > maxNested && (strings.HasPrefix(x, "{") || strings.HasPrefix(x, "["))
	case map[string]any:
		for _, e := range x {
			if tooDeep(e, depth+1) {
				return true
			}
		}
	case []any:
		for _, e := range x {
			if tooDeep(e, depth+1) {
				return true
			}
		}
	}
	return false
}

// hasFarNumber recognises texts that may stand for numbers: those that a database might
// not hold are recorded as text.
func hasFarNumber(v any) bool {
	switch x := v.(type) {
	case string:
		if x == "" || x[0] != '-' && (x[0] < '0' || x[0] > '9') || !json.Valid([]byte(x)) {
			return false
		}
		f, err := strconv.ParseFloat(x, 64)
		return err != nil || f == 0 && strings.ContainsAny(x, "eE") || len(x) > longNumber
	case map[string]any:
		for _, e := range x {
			if hasFarNumber(e) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(x, hasFarNumber)
	}
	return false
}

// longNumber is how many characters a number has for which records have one.
const longNumber = 400

// allTruncated recognises an image that was too long altogether.
func allTruncated(columns map[string]any) bool {
	_, ok := columns["<truncated>"]
	return ok && len(columns) == 1
}

// fill sets the columns that are not set yet from a record's image. whole tells
// that the image has all columns.
func (t *rowTable) fill(img image, columns map[string]any, whole bool) {
	gone := allTruncated(columns)
	for i := range img {
		if img[i].state != unset {
			continue
		}
		v, ok := columns[t.columns[i].name]
		switch {
		case ok:
			img[i] = t.fromRecord(i, v)
		case gone && whole:
			img[i] = cell{state: lost}
		case whole:
			img[i] = cell{state: absent}
		}
	}
}

// fillUpdate does so from the before or after image of an update.
func (t *rowTable) fillUpdate(img image, r *audit.Record, columns map[string]any) {
	if allTruncated(columns) {
		for _, name := range r.Changed {
			if i, ok := t.index[name]; ok && img[i].state == unset {
				img[i] = cell{state: lost}
			}
		}
		return
	}
	t.fill(img, columns, false)
}

// fillPresent sets what is left from the row as it is now.
func (t *rowTable) fillPresent(img image, raw []any) {
	for i := range img {
		if img[i].state == unset {
			img[i] = t.now(i, raw[i])
		}
	}
}

// fillAbsent notes that nothing tells of what is left.
func (t *rowTable) fillAbsent(img image) {
	for i := range img {
		if img[i].state == unset {
			img[i] = cell{state: absent}
		}
	}
}

func (t *rowTable) now(i int, raw any) cell {
	return cell{state: known, value: t.columns[i].rule.Normalise(raw), raw: raw, present: true}
}

// gaps lists the columns that are not known.
func (t *rowTable) gaps(img image) Gaps {
	var g Gaps
	for i, c := range img {
		name := t.columns[i].name
		switch {
		case t.columns[i].ignored || c.state == absent:
			g.Unrecorded = append(g.Unrecorded, name)
		case c.state == redacted:
			g.Redacted = append(g.Redacted, name)
		case c.state == erased:
			g.Erased = append(g.Erased, name)
		case c.state != known:
			g.Lost = append(g.Lost, name)
		}
	}
	return g
}

// same reports whether a recorded value says what a cell holds.
func (t *rowTable) same(i int, c cell, recorded any) bool {
	if values.Equal(condition.Form(c.value), recorded) || isDocument(recorded) && values.SameDocument(c.value, recorded) {
		return true
	}
	then := t.fromRecord(i, recorded) // which a process without the model may have written
	return then.state == known && values.Equal(c.value, then.value)
}

func newRow(s *schema.Schema) reflect.Value { return reflect.New(s.ModelType).Elem() }
