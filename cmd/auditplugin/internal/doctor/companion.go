package doctor

import (
	"context"
	"strings"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/output"
	"github.com/gorm-audit/auditplugin/trigger"
)

// again is what most faults of companion triggers need. Only the application knows what its
// records keep secret.
const again = "generate them again: trigger.Install in the application, or what trigger.Generate returns in a migration"

// Drift says in words what is wrong with a table's companion triggers.
func Drift(d trigger.Drift) Finding {
	f := Finding{Check: "companion", Level: Warn, Do: again}
	of := "trigger " + d.Name + " of table " + d.Table
	switch d.Kind {
	case trigger.Missing:
		f.Level, f.Text = Fail, of+" is missing: some of what other programs write is not recorded"
	case trigger.Outdated:
		f.Text = of + " is out of date: the table has other columns since, or another release made it"
	case trigger.Altered:
		f.Text = of + " is not as it was generated: somebody altered it"
	case trigger.Disabled:
		f.Level, f.Text, f.Do = Fail, of+" is disabled: what other programs write is not recorded", "ALTER TABLE "+d.Table+" ENABLE TRIGGER "+d.Name
	case trigger.Silenced:
		f.Level, f.Text, f.Do = Fail, "a mark was left for table "+d.Table+": its triggers are silent for everybody", "DELETE FROM auditplugin_quiet"
	case trigger.Unseen:
		f.Text, f.Do = "the triggers of table "+d.Table+" can not see everything: "+d.Name, "docs/companion.md says what"
	}
	return f
}

// companions looks at the triggers that record what other programs write. A table without
// them is no fault.
func companions(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	all, err := trigger.Examine(ctx, e.DB)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		report(OK, e.unused(), "")
		return nil
	}
	var names []string
	well := true
	for _, t := range all {
		names = append(names, t.Name)
		for _, d := range t.Drift {
			f := Drift(d)
			well = false
			report(f.Level, f.Text, f.Do)
		}
	}
	if well {
		report(OK, "triggers on "+output.Count(int64(len(all)), "table")+": "+strings.Join(names, ", "), "")
	}
	return nil
}
