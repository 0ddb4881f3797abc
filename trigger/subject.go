package trigger

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/dialect"
	"github.com/gorm-audit/auditplugin/internal/owntable"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/table"
	"github.com/gorm-audit/auditplugin/internal/values"
)

// plugin is what is asked of the one that is installed.
type plugin interface {
	Companion() bool
	AuditTableAt(db *gorm.DB) string
	CompanionTable(ctx context.Context, db *gorm.DB, model any) (t *table.Table, limit int, onlyTimestamps bool, err error)
}

// subject is a table that gets triggers.
type subject struct {
	*table.Table
	audit dialect.Table
	roles []string
	// columns are those that records show, by name; key are those of the row's key.
	columns, key []column
	// limit is the size above which a value is recorded as its length and hash.
	limit int
	// onlyTimestamps leaves out updates of timestamps alone.
	onlyTimestamps, bestEffort bool
	// hashes tells that columns may be hashed; hashing is how one of them is.
	hashes  bool
	hashing redact.Hashing
	// masked are columns that are hidden whatever is known of them, by index.
	masked []int
}

// column is one whose values are recorded.
type column struct {
	name, dbType, path string
	kind               values.Kind
	treat              redact.Treatment
	timestamp          bool
	hash               []byte // what stands before a value that is hashed, nil for none
}

// subjects are the tables of the models that were asked for, each once.
func (r *request) subjects(ctx context.Context) ([]*subject, error) {
	p, ok := r.db.Plugins["auditplugin"].(plugin)
	if !ok {
		return nil, fmt.Errorf("%w: install the plugin first (db.Use): triggers follow its options", ErrInvalid)
	}
	if !p.Companion() {
		return nil, fmt.Errorf("%w: install the plugin with auditplugin.WithCompanion: without it the triggers would record what it records, too", ErrInvalid)
	}
	trail := p.AuditTableAt(r.db)
	if trail == "" {
		return nil, fmt.Errorf("%w: the plugin has no audit table in this database", ErrInvalid)
	}
	roles, err := r.loggedIn(ctx)
	if err != nil {
		return nil, err
	}
	var all []*subject
	for _, model := range r.models {
		t, limit, onlyTimestamps, err := p.CompanionTable(ctx, r.db, model)
		if err != nil {
			return nil, fmt.Errorf("trigger: %w", err)
		}
		if slices.ContainsFunc(all, func(s *subject) bool {
			return s.Catalog.Name == t.Catalog.Name && s.Catalog.Schema == t.Catalog.Schema
		}) {
			continue
		}
		s := &subject{
			Table: t, audit: dialect.ParseTable(trail), roles: roles, limit: limit, onlyTimestamps: onlyTimestamps, bestEffort: r.bestEffort, hashes: r.hashKey,
		}
		if err := s.check(); err != nil {
			return nil, err
		}
		if err := r.plainly(s); err != nil {
			return nil, err
		}
		s.describe()
		all = append(all, s)
	}
	return all, r.unmasked(all)
}

// dropped are the tables that lose their triggers. Those that are named are looked for by
// their names.
func (r *request) dropped(ctx context.Context) (all []*subject, err error) {
	pool, err := errorsOf.Pool(r.db)
	if err != nil {
		return nil, err
	}
	c := checker{ctx: ctx, db: pool, dialect: r.db.Name()}
	for _, model := range r.models {
		name, ok := model.(string)
		if !ok {
			return r.subjects(ctx)
		}
		t := dialect.ParseTable(name)
		s, err := c.bare(t.Schema, t.Name)
		switch {
		case err != nil:
			return nil, fmt.Errorf("trigger: %w", err)
		case s.Catalog.Kind == catalog.Missing:
			return nil, fmt.Errorf("%w: there is no table %s", ErrInvalid, name)
		}
		all = append(all, s)
	}
	return all, nil
}

// check refuses tables that can have no triggers.
func (s *subject) check() error {
	name := dialect.Table{Schema: s.Catalog.Schema, Name: s.Catalog.Name}.Dotted()
	switch {
	case !s.Audited:
		return fmt.Errorf("%w: table %s is not audited by the plugin", ErrInvalid, name)
	case s.Catalog.Kind == catalog.Missing:
		return fmt.Errorf("%w: there is no table %s", ErrInvalid, name)
	case s.Catalog.Kind != catalog.Plain && s.Catalog.Kind != catalog.Partitioned:
		return fmt.Errorf("%w: %s is a %s, not a table", ErrInvalid, name, s.Catalog.Kind)
	}
	for _, c := range s.Columns {
		if strings.Contains(c.Name, "$auditplugin$") || strings.Contains(c.Name, "*/") {
			return fmt.Errorf("%w: table %s has a column whose name can not stand in a trigger", ErrInvalid, name)
		}
	}
	return nil
}

func (s *subject) describe() {
	for _, i := range s.ByName {
		if !s.Show[i].Hidden {
			c := s.column(i)
			if h, ok := s.Plan.Hashing(s.Show[i].Model); ok && s.hashes && !slices.Contains(s.masked, i) && slices.Contains([]values.Kind{values.Text, values.UUID, values.Int}, c.kind) {
				s.hashing, c.hash, c.treat = h, h.Prefix, redact.Treatment{}
			}
			s.columns = append(s.columns, c)
		}
	}
	for _, i := range s.Key {
		s.key = append(s.key, s.column(i))
	}
}

func (s *subject) column(i int) column {
	c := column{
		name: s.Columns[i].Name, dbType: s.Columns[i].DBType, path: s.Show[i].Path,
		kind: s.Rules[i].Kind(), treat: s.Plan.Treatment(s.Show[i].Model), timestamp: s.Timestamps[s.Show[i].Model],
	}
	if slices.Contains(s.masked, i) {
		c.treat = redact.Treatment{Mask: true}
	}
	if c.treat.Drop {
		c.treat = redact.Treatment{Mask: true} // of the key, which has to be named
	}
	if c.treat.Tail > 0 && !slices.Contains([]values.Kind{values.Text, values.Int, values.Bits, values.UUID, values.Decimal, values.DayClock, values.Any}, c.kind) {
		c.treat = redact.Treatment{Mask: true}
	}
	return c
}

// softColumn is one by which rows are deleted softly.
type softColumn struct {
	column
	is values.SoftDelete
}

func (s *subject) soft() []softColumn {
	var all []softColumn
	for _, soft := range s.SoftDelete {
		if i, ok := s.At(soft.Column); ok {
			all = append(all, softColumn{s.column(i), soft})
		}
	}
	return all
}

// alive is the condition that a value in JSON, and as its text, is that of a row which is
// not deleted. quote writes a text.
func (c softColumn) alive(value, asText string, quote func(string) string) string {
	whole, begin := c.is.Alive()
	var anyOf []string
	if len(whole) > 0 {
		for i, w := range whole {
			whole[i] = quote(w)
		}
		anyOf = append(anyOf, "coalesce("+value+", 'null') IN ("+strings.Join(whole, ", ")+")")
	}
	for _, b := range begin {
		anyOf = append(anyOf, "coalesce("+asText+", 'null') LIKE "+quote(b+"%"))
	}
	return "(" + strings.Join(anyOf, " OR ") + ")"
}

// loggedIn are the roles asked for, or the one that the connection has.
func (r *request) loggedIn(ctx context.Context) ([]string, error) {
	l, err := languageOf(ctx, r.db)
	if err != nil {
		return nil, err
	}
	query := l.loggedIn()
	if len(r.roles) > 0 || query == "" {
		return slices.Compact(slices.Sorted(slices.Values(r.roles))), nil
	}
	conn, err := owntable.Errors{Invalid: ErrInvalid, InTransaction: fmt.Errorf("%w: name the roles, or do not ask in a transaction", ErrInvalid)}.Pool(r.db)
	if err != nil {
		return nil, err
	}
	var role string
	if err := conn.QueryRowContext(ctx, query).Scan(&role); err != nil {
		return nil, fmt.Errorf("trigger: asking who is logged in: %w", err)
	}
	return []string{role}, nil
}
