package emitter

import (
	"reflect"
	"slices"

	"github.com/gorm-audit/auditplugin/audit"
)

// cloneRecords copies records with their maps, slices and documents, for
// emitters that keep them: the plugin may use the originals again.
func cloneRecords(records []audit.Record) []audit.Record {
	out := make([]audit.Record, len(records))
	for i := range records {
		out[i] = cloneRecord(&records[i])
	}
	return out
}

func cloneRecord(r *audit.Record) audit.Record {
	c := cloner{}
	out := *r
	out.Before = c.object(r.Before)
	out.After = c.object(r.After)
	out.Metadata = c.object(r.Metadata)
	out.Changed = slices.Clone(r.Changed)
	out.Changes = slices.Clone(r.Changes)
	for i := range out.Changes {
		out.Changes[i].From = c.value(out.Changes[i].From)
		out.Changes[i].To = c.value(out.Changes[i].To)
	}
	return out
}

// cloner copies documents. It remembers the containers it has copied, so that a
// value which contains itself is copied once, as it is.
type cloner struct {
	maps   map[uintptr]map[string]any
	slices map[span][]any
}

type span struct {
	start  uintptr
	length int
}

func (c *cloner) object(m map[string]any) map[string]any {
	if m == nil {
		return nil
	}
	key := reflect.ValueOf(m).Pointer()
	if done, ok := c.maps[key]; ok {
		return done
	}
	out := make(map[string]any, len(m))
	if c.maps == nil {
		c.maps = make(map[uintptr]map[string]any)
	}
	c.maps[key] = out
	for k, v := range m {
		out[k] = c.value(v)
	}
	return out
}

func (c *cloner) list(s []any) []any {
	if len(s) == 0 {
		return slices.Clone(s)
	}
	key := span{reflect.ValueOf(s).Pointer(), len(s)}
	if done, ok := c.slices[key]; ok {
		return done
	}
	out := make([]any, len(s))
	if c.slices == nil {
		c.slices = make(map[span][]any)
	}
	c.slices[key] = out
	for i, v := range s {
		out[i] = c.value(v)
	}
	return out
}

// value copies what records are made of. Values of other types occur in metadata
// only, whose owner promised not to change them.
func (c *cloner) value(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return c.object(v)
	case []any:
		return c.list(v)
	case []byte:
		return slices.Clone(v)
	case []string:
		return slices.Clone(v)
	default:
		return v
	}
}
