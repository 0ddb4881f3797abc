package history

import (
	"fmt"
	"io"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
)

// Text writes what was done, or, of a [DryRun], would be done, for people to read: a
// line for each row, and below it the columns, old → new:
//
//	would update orders 7
//	    state: "sent" → "paid"
//	would insert order_lines 12 (Lines)
//	    item: "pen"
//
// Values are redacted and escaped as by the function [Text]. Rows that are as they
// should be are left out. It returns the first error of w.
func (r Reverted) Text(w io.Writer, opts ...FormatOption) error {
	f := newFormat(opts)
	var b strings.Builder
	for _, step := range r.Steps {
		verb := map[audit.Action]string{audit.Create: "insert", audit.Update: "update", audit.Delete: "delete"}[step.Action]
		if verb == "" {
			continue
		}
		if r.DryRun {
			verb = "would " + verb
		}
		b.WriteString(verb + " " + f.visible(step.Table+" "+step.RecordID))
		if step.Association != "" {
			b.WriteString(" (" + f.visible(step.Association) + ")")
		}
		b.WriteByte('\n')
		for _, c := range step.Changes {
			text := f.value(c.From) + " → " + f.value(c.To)
			switch step.Action {
			case audit.Create:
				text = f.value(c.To)
			case audit.Delete:
				text = f.value(c.From)
			}
			b.WriteString("    " + f.visible(c.Path) + ": " + text + "\n")
		}
		if len(step.Left) > 0 {
			b.WriteString("    not known: " + f.visible(strings.Join(step.Left, ", ")) + "\n")
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("auditplugin: writing what was done: %w", err)
	}
	return nil
}
