package trigger

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
)

// Kind is how a table departs from what [Generate] would make.
type Kind string

// The kinds of drift.
const (
	// Missing is a trigger that is not there.
	Missing Kind = "missing"
	// Outdated is a trigger that Generate would make otherwise now: a column was added,
	// went away or got another type, a tag or an option changed, or an earlier release made it.
	Outdated Kind = "outdated"
	// Altered is a trigger whose text is not what Generate wrote.
	Altered Kind = "altered"
	// Disabled is a trigger that PostgreSQL does not run.
	Disabled Kind = "disabled"
	// Unseen is what the triggers can not see: what PostgreSQL's rules make of the
	// plugin's statements, and what a replica makes of MariaDB's or MySQL's when the binary log has
	// statements only.
	Unseen Kind = "unseen"
	// Silenced is a mark that was left in SQLite's table of marks: the triggers of that
	// table are silent for everybody. Delete the row.
	Silenced Kind = "silenced"
)

// Drift is one departure. Name is the trigger's, "" where there is none to name.
type Drift struct {
	Kind        Kind
	Table, Name string
}

// String tells it in words.
func (d Drift) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s", d.Table, d.Kind, d.Name))
}

// Check compares the triggers that there are with those that [Generate] would make, with
// the same options. An empty answer means that all is well. It only reads, and may run
// beside everything else; on SQLite a mark that is being used at that moment can not be
// seen by others.
func Check(ctx context.Context, db *gorm.DB, opts ...Option) ([]Drift, error) {
	db = db.WithContext(ctx)
	r, err := requested(db, opts)
	if err != nil {
		return nil, err
	}
	l, err := languageOf(ctx, db)
	if err != nil {
		return nil, err
	}
	all, err := r.subjects(ctx)
	if err != nil {
		return nil, err
	}
	pool, err := errorsOf.Pool(db)
	if err != nil {
		return nil, err
	}
	c := checker{ctx: ctx, db: pool, dialect: db.Name()}
	var found []Drift
	for _, s := range all {
		drift, err := c.table(l, s)
		if err != nil {
			return nil, fmt.Errorf("trigger: checking table %s: %w", s.Catalog.Name, err)
		}
		found = append(found, drift...)
	}
	return found, nil
}

type checker struct {
	ctx     context.Context
	db      *sql.DB
	dialect string
}

func (c checker) table(l language, s *subject) ([]Drift, error) {
	made, err := l.create(s)
	if err != nil {
		return nil, err
	}
	found, err := c.there(l, s.Catalog)
	if err != nil {
		return nil, err
	}
	var drift []Drift
	add := func(k Kind, name string) { drift = append(drift, Drift{Kind: k, Table: s.Catalog.Name, Name: name}) }
	for _, name := range l.names(s) {
		quoted := dialect.Quote(c.dialect, name)
		at := slices.IndexFunc(made, func(m string) bool { return strings.HasPrefix(m, "CREATE") && l.makes(firstLine(m), quoted) })
		t, ok := found[name]
		switch {
		case at < 0 && ok: // the event leaves no record any more
			add(Outdated, name)
		case at < 0:
		case !ok:
			add(Missing, name)
		case !t.made(made[at]):
			add(Outdated, name)
		default:
			if kind := t.state(s.Catalog); kind != "" {
				add(kind, name)
			}
		}
	}
	more, err := l.around(c.ctx, c.db, s.Catalog)
	return append(drift, more...), err
}

// existing is a trigger that is there.
type existing struct {
	text string
	runs bool
}

// made tells that a statement would make it.
func (e existing) made(statement string) bool {
	is, _ := partsOf(e.text)
	would, _ := partsOf(statement)
	return is == would
}

func (e existing) state(t *catalog.Table) Kind {
	if kind := state(t, e.text); kind != "" || e.runs {
		return kind
	}
	return Disabled
}

// there are a table's triggers, by name.
func (c checker) there(l language, t *catalog.Table) (map[string]existing, error) {
	rows, err := c.db.QueryContext(c.ctx, l.there(), t.Schema, t.Name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err tells what went wrong
	found := map[string]existing{}
	for rows.Next() {
		var name string
		var e existing
		if err := rows.Scan(&name, &e.text, &e.runs); err != nil {
			return nil, err
		}
		found[name] = e
	}
	return found, rows.Err()
}
