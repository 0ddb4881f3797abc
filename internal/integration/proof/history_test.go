package proof

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"pgregory.net/rapid"
)

// step is a part of a history.
type step interface {
	run(db *gorm.DB, log *[]noted) error
	write(b *strings.Builder, indent string)
}

// noted is an outcome and what led to it.
type noted struct {
	code string
	outcome
}

func note(log *[]noted, code string, o outcome) error {
	*log = append(*log, noted{code, o})
	if o.err != "" {
		return errors.New(o.err)
	}
	return nil
}

func (o operation) into(db *gorm.DB, log *[]noted) error { return note(log, o.code, o.do(db)) }

type single struct{ operation }

func (s single) run(db *gorm.DB, log *[]noted) error { return s.into(db, log) }

func (s single) write(b *strings.Builder, indent string) { b.WriteString(indent + s.code + "\n") }

// ending is how a transaction ends.
type ending string

const (
	commits  ending = "commit"
	fails    ending = "return an error"
	panics   ending = "panic"
	cancels  ending = "cancel the context"
	fallible ending = "return the first error"
)

var errOnPurpose = errors.New("on purpose")

// block is db.Transaction(…).
type block struct {
	steps []step
	end   ending
}

func (s block) run(db *gorm.DB, log *[]noted) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = note(log, "Transaction", outcome{err: fmt.Sprint("panic: ", r)})
		}
	}()
	ctx, cancel := context.WithCancel(db.Statement.Context)
	defer cancel()
	if s.end == cancels {
		db = db.WithContext(ctx)
	}
	err = db.Transaction(func(tx *gorm.DB) error {
		for _, inner := range s.steps {
			if err := inner.run(tx, log); err != nil && s.end == fallible {
				return err
			}
		}
		switch s.end {
		case fails:
			return errOnPurpose
		case panics:
			panic(errOnPurpose)
		case cancels:
			cancel()
		}
		return nil
	})
	if s.end == cancels && err != nil {
		err = context.Canceled // database/sql words it in more than one way
	}
	return note(log, "Transaction", seen(err, 0, nil))
}

func (s block) write(b *strings.Builder, indent string) {
	b.WriteString(indent + "db.Transaction(func(db *gorm.DB) error {\n")
	for _, inner := range s.steps {
		inner.write(b, indent+"\t")
	}
	b.WriteString(indent + "\t" + string(s.end) + "\n" + indent + "})\n")
}

// manual is Begin … Commit or Rollback.
type manual struct {
	steps    []step
	rollback bool
}

func (s manual) run(db *gorm.DB, log *[]noted) error {
	tx := db.Begin()
	if tx.Error != nil {
		return note(log, "Begin", seen(tx.Error, 0, nil))
	}
	for _, inner := range s.steps {
		_ = inner.run(tx, log) // its outcome is in the log
	}
	if s.rollback {
		return note(log, "Rollback", seen(tx.Rollback().Error, 0, nil))
	}
	return note(log, "Commit", seen(tx.Commit().Error, 0, nil))
}

func (s manual) write(b *strings.Builder, indent string) {
	b.WriteString(indent + "db := db.Begin()\n")
	for _, inner := range s.steps {
		inner.write(b, indent+"\t")
	}
	end := "Commit"
	if s.rollback {
		end = "Rollback"
	}
	b.WriteString(indent + "db." + end + "()\n")
}

// point is SavePoint or RollbackTo.
type point struct {
	name string
	back bool
}

func (s point) code() string {
	if s.back {
		return fmt.Sprintf("db.RollbackTo(%q)", s.name)
	}
	return fmt.Sprintf("db.SavePoint(%q)", s.name)
}

func (s point) run(db *gorm.DB, log *[]noted) error {
	db = db.Session(&gorm.Session{})
	if s.back {
		return note(log, s.code(), seen(db.RollbackTo(s.name).Error, 0, nil))
	}
	return note(log, s.code(), seen(db.SavePoint(s.name).Error, 0, nil))
}

func (s point) write(b *strings.Builder, indent string) { b.WriteString(indent + s.code() + "\n") }

// history is a program.
type history struct {
	handle int
	steps  []step
}

// GoString makes rapid print the program.
func (h history) GoString() string {
	var b strings.Builder
	fmt.Fprintf(&b, "on handle %d:\n", h.handle)
	for _, s := range h.steps {
		s.write(&b, "\t")
	}
	return b.String()
}

func (h history) String() string { return h.GoString() }

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
	what := rapid.IntRange(0, 11).Draw(t, "step")
	if depth > 0 && what >= 10 {
		return point{rapid.SampledFrom([]string{"p1", "p2", "P1"}).Draw(t, "point"), what == 11}
	}
	if depth < 3 && what == 9 || depth == 0 && what == 10 {
		end := rapid.SampledFrom([]ending{commits, commits, commits, fallible, fallible, fails, panics, cancels}).Draw(t, "end")
		if depth > 0 && end == cancels {
			end = commits
		}
		return block{drawSteps(t, dialect, depth+1, 5), end}
	}
	if depth == 0 && what == 11 {
		return manual{drawSteps(t, dialect, 1, 6), rapid.IntRange(0, 3).Draw(t, "rollback") == 0}
	}
	return single{draw(t, dialect)}
}

func histories(dialect string, handles int) *rapid.Generator[history] {
	return rapid.Custom(func(t *rapid.T) history {
		return history{rapid.IntRange(0, handles-1).Draw(t, "handle"), drawSteps(t, dialect, 0, stepsPerHistory())}
	})
}
