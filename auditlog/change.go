package auditlog

import (
	"fmt"
	"maps"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// change is what the Record methods were given and what came of it.
type change struct {
	action        audit.Action
	recordType    string
	before, after any

	shownBefore, shownAfter map[string]any
	changed                 []string
	changes                 []audit.Change
	id                      string
}

// read fills in what may be seen of the change.
func (c *change) read(t *trail) error {
	var before, after *image
	var err error
	if c.action != audit.Create {
		if before, err = t.imageOf(c.recordType, c.before); err != nil {
			return fmt.Errorf("auditplugin: before of %s: %w", c.recordType, err)
		}
	}
	if c.action != audit.Delete {
		if after, err = t.imageOf(c.recordType, c.after); err != nil {
			return fmt.Errorf("auditplugin: after of %s: %w", c.recordType, err)
		}
	}
	switch c.action {
	case audit.Create:
		c.shownAfter, c.id = after.shown, after.id()
	case audit.Delete:
		c.shownBefore, c.id = before.shown, before.id()
	default:
		c.compare(before, after)
	}
	return nil
}

// compare finds the keys that are in both images and differ.
func (c *change) compare(before, after *image) {
	c.id = before.id()
	c.shownBefore, c.shownAfter = map[string]any{}, map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(before.raw)) {
		to, both := after.raw[key]
		if !both || values.Equal(before.raw[key], to) {
			continue
		}
		// Each side's tags hold for the other one too, which may be a mere map.
		if before.plan.Ignored(key) || after.plan.Ignored(key) {
			continue
		}
		from, to := before.seenBy(after, c.recordType, key), after.seenBy(before, c.recordType, key)
		c.changed = append(c.changed, key)
		c.shownBefore[key], c.shownAfter[key] = from, to
		c.changes = append(c.changes, paths(before, after, c.recordType, key, from, to)...)
	}
}

// seenBy returns im's value as both images' tags let it be seen.
func (im *image) seenBy(other *image, table, key string) any {
	own, others := im.plan.Sensitive(key), other.plan.Sensitive(key)
	switch {
	case other.plan == im.plan || !im.loose && (own || !others):
		return im.shown[key]
	case others:
		return other.plan.Column(table, key, im.raw[key])
	}
	return other.plan.Column(table, key, im.shown[key])
}

// paths lists the change of one key by path, where both sides' types say what is
// in it, else as one change.
func paths(before, after *image, table, key string, from, to any) []audit.Change {
	whole := []audit.Change{{Path: diffpath.Join([]string{key}), From: from, To: to}}
	if before.loose || before.plan != after.plan || before.open[key] || before.plan.Sensitive(key) {
		return whole
	}
	found, err := before.plan.Changes(table, key, before.raw[key], after.raw[key])
	if err != nil || len(found) == 0 {
		return whole
	}
	out := make([]audit.Change, len(found))
	for i, f := range found {
		out[i] = audit.Change{Path: diffpath.Join(append([]string{key}, f.Path...)), From: f.From, To: f.To}
	}
	return out
}

// id returns the value called id, as it may be seen.
func (im *image) id() string {
	for _, key := range []string{"id", "ID", "Id"} {
		if v, ok := im.shown[key]; ok && v != nil {
			return values.KeyText(v)
		}
	}
	return ""
}
