// Package diffpath compares two decoded JSON values and lists what differs, by
// path.
package diffpath

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/r3labs/diff/v3"

	"github.com/gorm-audit/auditplugin/internal/values"
)

// Change is one place at which two values differ. From or To is nil where the
// place holds null, and where it did not exist.
type Change struct {
	// Path leads to the place: keys of objects and indexes of lists. It is empty
	// when the values as a whole differ.
	Path     []string
	From, To any
	// Added and Removed tell a place that came into being or vanished from one
	// that was or became null.
	Added, Removed bool
}

// Samer is a value that decides itself whether another one says the same.
type Samer interface{ Same(other any) bool }

// Changes lists the places at which after differs from before, sorted by path
// with list indexes in numeric order. Both are decoded JSON: map[string]any,
// []any, and anything else as a single value, compared by [values.Equal] or its
// own Same method. Lists are compared index by index. Where the kind of value
// changes, and where a side is absent, there is one change with the whole value.
// The values must not be cyclic; they are not changed, and the result shares
// their parts.
func Changes(before, after any) ([]Change, error) {
	differ, err := diff.NewDiffer(
		diff.SliceOrdering(true),
		diff.AllowTypeMismatch(true),
		diff.CustomValueDiffers(&wholeValues{}),
	)
	if err != nil {
		return nil, fmt.Errorf("auditplugin: comparing documents: %w", err)
	}
	// Boxed, so that the differ sees interfaces at the top as everywhere below.
	log, err := differ.Diff([]any{before}, []any{after})
	if err != nil {
		return nil, fmt.Errorf("auditplugin: comparing documents: %w", err)
	}
	if len(log) == 0 {
		return nil, nil
	}
	changes := make([]Change, len(log))
	for i, c := range log {
		changes[i] = Change{
			Path: c.Path[1:], From: c.From, To: c.To,
			Added: c.Type == diff.CREATE, Removed: c.Type == diff.DELETE,
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return slices.CompareFunc(a.Path, b.Path, compareKeys) })
	return changes, nil
}

// wholeValues handles every pair that is not two objects or two lists, which
// leaves the library the descent only. Its own rules for the rest do not fit: it
// takes json.Number and string for one type, lists an added object leaf by leaf
// (so an empty one not at all), and matches keys as regular expressions there.
type wholeValues struct{}

func (*wholeValues) Match(a, b reflect.Value) bool {
	return container(a) == 0 || container(a) != container(b)
}

func (*wholeValues) Diff(_ diff.DiffType, _ diff.DiffFunc, log *diff.Changelog, path []string, a, b reflect.Value, _ any) error {
	switch from, to := content(a), content(b); {
	case !a.IsValid():
		log.Add(diff.CREATE, path, nil, to)
	case !b.IsValid():
		log.Add(diff.DELETE, path, from, nil)
	case !same(from, to):
		log.Add(diff.UPDATE, path, from, to)
	}
	return nil
}

func (*wholeValues) InsertParentDiffer(func(path []string, a, b reflect.Value, p any) error) {}

func same(a, b any) bool {
	if s, ok := a.(Samer); ok {
		return s.Same(b)
	}
	return values.Equal(a, b)
}

func content(v reflect.Value) any {
	if !v.IsValid() {
		return nil
	}
	return v.Interface()
}

func container(v reflect.Value) reflect.Kind {
	switch content(v).(type) {
	case map[string]any:
		return reflect.Map
	case []any:
		return reflect.Slice
	}
	return 0
}

// compareKeys orders numbers, which may be list indexes, by value and before all
// other keys, which are ordered as text.
func compareKeys(a, b string) int {
	i, err := strconv.ParseUint(a, 10, 64)
	j, err2 := strconv.ParseUint(b, 10, 64)
	switch {
	case err == nil && err2 != nil:
		return -1
	case err != nil && err2 == nil:
		return 1
	case err == nil && i != j:
		return cmp.Compare(i, j)
	}
	return strings.Compare(a, b)
}
