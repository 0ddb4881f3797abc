package proof

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"pgregory.net/rapid"
)

// step is a part of a history.
type step interface {
	run(p *player, db *gorm.DB) error
	write(b *strings.Builder, indent string) // as an expression of Go
}

func (o operation) runs(p *player, db *gorm.DB) error { return p.do(db, o.run, o.ways...) }

type single struct{ operation }

func (s single) run(p *player, db *gorm.DB) error { return s.runs(p, db) }

func (s single) write(b *strings.Builder, indent string) {
	b.WriteString("p.do(db, " + s.body(indent) + s.way + ")")
}

// block is db.Transaction(…).
type block struct {
	steps []step
	end   ending
}

func (s block) run(p *player, db *gorm.DB) error {
	return p.transaction(db, s.end, func(db *gorm.DB) error {
		for _, inner := range s.steps {
			if err := inner.run(p, db); err != nil && s.end == fallible {
				return err
			}
		}
		return nil
	})
}

func (s block) write(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "p.transaction(db, %s, func(db *gorm.DB) error {\n", s.end)
	for _, inner := range s.steps {
		b.WriteString(indent + "\t")
		if s.end == fallible {
			b.WriteString("if err := ")
		}
		inner.write(b, indent+"\t")
		if s.end == fallible {
			b.WriteString("; err != nil {\n" + indent + "\t\treturn err\n" + indent + "\t}")
		}
		b.WriteString("\n")
	}
	b.WriteString(indent + "\treturn nil\n" + indent + "})")
}

// group is Begin … Commit or Rollback, or db.Connection.
type group struct {
	steps []step
	what  string
}

func (s group) run(p *player, db *gorm.DB) error {
	all := func(db *gorm.DB) {
		for _, inner := range s.steps {
			_ = inner.run(p, db) // its outcome is in the log
		}
	}
	if s.what == "connection" {
		return p.connection(db, all)
	}
	return p.begin(db, s.what == "commit", all)
}

func (s group) write(b *strings.Builder, indent string) {
	if s.what == "connection" {
		b.WriteString("p.connection(db, func(db *gorm.DB) {\n")
	} else {
		fmt.Fprintf(b, "p.begin(db, %v, func(db *gorm.DB) {\n", s.what == "commit")
	}
	writeSteps(b, s.steps, indent+"\t")
	b.WriteString(indent + "})")
}

func writeSteps(b *strings.Builder, steps []step, indent string) {
	for _, s := range steps {
		b.WriteString(indent)
		s.write(b, indent)
		b.WriteString("\n")
	}
}

// point is SavePoint or RollbackTo.
type point struct {
	name string
	back bool
}

func (s point) run(p *player, db *gorm.DB) error {
	if s.back {
		return p.rollbackTo(db, s.name)
	}
	return p.savePoint(db, s.name)
}

func (s point) write(b *strings.Builder, _ string) {
	what := "savePoint"
	if s.back {
		what = "rollbackTo"
	}
	fmt.Fprintf(b, "p.%s(db, %q)", what, s.name)
}

// history is a program.
type history struct {
	dialect string
	handle  int
	seeded  bool // there are rows to begin with
	steps   []step
}

// GoString makes rapid print the program: a test that runs as it is in this package.
func (h history) GoString() string { return h.test("TestFound") }

func (h history) String() string { return h.GoString() }

func (h history) test(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "func %s(t *testing.T) {\n\tplay(t, %q, %d, %v, func(p *player, db *gorm.DB) {\n", name, h.dialect, h.handle, h.seeded)
	writeSteps(&b, h.steps, "\t\t")
	b.WriteString("\t})\n}\n")
	return b.String()
}

// run plays the history.
func (h history) run(p *player, db *gorm.DB) {
	for _, s := range h.steps {
		_ = s.run(p, db) // its outcome is in the log
	}
}

func stepsPerHistory() int {
	if n, err := strconv.Atoi(os.Getenv("AUDIT_PROOF_STEPS")); err == nil && n > 0 {
		return n
	}
	return 12
}

func drawSteps(t *rapid.T, dialect string, depth, most int) []step {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step { return drawStep(t, dialect, depth) }), 1, most).Draw(t, "steps")
}

func drawStep(t *rapid.T, dialect string, depth int) step {
	if depth < 0 { // on one connection
		return single{draw(t, dialect, depth)}
	}
	what := rapid.IntRange(0, 12).Draw(t, "step")
	if depth > 0 && what >= 11 {
		return point{rapid.SampledFrom([]string{"p1", "p2", "P1"}).Draw(t, "point"), what == 12}
	}
	if depth < 3 && what == 10 || depth == 0 && what == 11 {
		end := rapid.SampledFrom([]ending{commits, commits, commits, fallible, fallible, fails, panics, cancels}).Draw(t, "end")
		if depth > 0 && end == cancels {
			end = commits
		}
		return block{drawSteps(t, dialect, depth+1, 5), end}
	}
	if depth == 0 && what == 12 {
		switch what := rapid.SampledFrom([]string{"commit", "commit", "rollback", "connection"}).Draw(t, "group"); what {
		case "connection":
			return group{drawSteps(t, dialect, -1, 4), what}
		default:
			return group{drawSteps(t, dialect, 1, 6), what}
		}
	}
	return single{draw(t, dialect, depth)}
}

func histories(dialect string, handles int) *rapid.Generator[history] {
	return rapid.Custom(func(t *rapid.T) history {
		return history{dialect, rapid.IntRange(0, handles-1).Draw(t, "handle"), rapid.Bool().Draw(t, "seeded"), drawSteps(t, dialect, 0, stepsPerHistory())}
	})
}
