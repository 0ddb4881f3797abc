package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

// errOpen is a table of which nobody has said what its records must not show.
var errOpen = errors.New("what to hide is not known")

// hidden is what new records of a table are not to show, and what they call its rows.
type hidden struct {
	table, recordType string
	// open are recorded as they are; of those in doubt neither a record, nor a name, nor
	// a flag says whether they may be.
	open, masked, leftOut, doubt []string
}

// evidence is how many of a table's newest records with whole rows are looked at, as
// history does.
const evidence = 20

// hiding finds out what records of a table hide: what the newest ones show masked, hashed
// or not at all, what masks say by its name, and what the flags say.
func (s *session) hiding(ctx context.Context, db *gorm.DB, table string, flags hideFlags, byName func(column string) (bool, error)) (h hidden, err error) {
	h.table = table
	columns, err := columnsOf(ctx, db, table)
	if err != nil {
		return h, err
	}
	if err := flags.known(table, columns); err != nil {
		return h, err
	}
	found, err := history.HiddenColumns(ctx, db, table, s.asking())
	if err != nil {
		return h, err
	}
	bare := table[strings.LastIndexByte(table, '.')+1:]
	whole, err := s.wholeRows(ctx, db, bare)
	if err != nil {
		return h, err
	}
	h.recordType = bare
	if len(whole) > 0 {
		h.recordType = whole[0].RecordType
	}
	named, shown := spoken(whole)
	for _, c := range columns {
		secret, err := byName(c)
		if err != nil {
			return h, err
		}
		is := slices.Contains(found, bare+"."+c)
		switch {
		case flags.says(flags.mask, table, c):
			h.masked = append(h.masked, c)
		case flags.says(flags.leaveOut, table, c), is && !named[c]:
			h.leftOut = append(h.leftOut, c)
		case is, secret:
			h.masked = append(h.masked, c)
		case shown[c], flags.nothing, flags.about(table):
			h.open = append(h.open, c)
		default:
			h.doubt = append(h.doubt, c)
		}
	}
	if len(h.doubt) > 0 {
		return h, fmt.Errorf("%w: no record of %s says whether %s may be seen: --mask or --leave-out what may not, or say --nothing-hidden", errOpen, table, strings.Join(h.doubt, ", "))
	}
	return h, nil
}

// wholeRows are the newest records of a table that hold whole rows; where nothing was made
// or deleted since the trail began, those that it began with.
func (s *session) wholeRows(ctx context.Context, db *gorm.DB, bare string) ([]audit.Record, error) {
	q := s.search(db).Scopes(func(tx *gorm.DB) *gorm.DB { return tx.Where("table_name = ?", bare) }).Newest().Limit(evidence)
	whole, err := q.Action(audit.Create, audit.Delete).Find(ctx)
	if err != nil || len(whole) > 0 {
		return whole, err
	}
	whole, err = q.Action(audit.Event).Find(ctx)
	return slices.DeleteFunc(whole, func(r audit.Record) bool { return r.Metadata["baseline"] != true }), err
}

// spoken tells which columns records name, and which they show a value of. Of a document
// tags may have left members out, of which no record tells: it shows nothing here.
func spoken(records []audit.Record) (named, shown map[string]bool) {
	named, shown = map[string]bool{}, map[string]bool{}
	documents := map[string]bool{}
	for _, r := range records {
		for _, image := range []map[string]any{r.Before, r.After} {
			for name, v := range image {
				named[name], shown[name] = true, shown[name] || v != nil
				documents[name] = documents[name] || document(v)
			}
		}
	}
	for name, is := range documents {
		shown[name] = shown[name] && !is
	}
	return named, shown
}

// document tells whether a value has members.
func document(v any) bool {
	switch x := v.(type) {
	case map[string]any:
		return true
	case []any:
		return slices.ContainsFunc(x, document)
	}
	return false
}

// columnsOf are a table's columns, in order.
func columnsOf(ctx context.Context, db *gorm.DB, table string) (names []string, err error) {
	rows, err := db.WithContext(ctx).Raw("SELECT * FROM " + db.Statement.Quote(table) + " LIMIT 0").Rows()
	if missing(err) {
		return nil, usage("there is no table %s", table)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if names, err = rows.Columns(); err == nil {
		err = rows.Err()
	}
	return names, err
}

// hideFlags are what somebody says is to be hidden: "phone" of the only table, or
// "users.phone".
type hideFlags struct {
	mask, leaveOut []string
	nothing        bool
	tables         []string
}

// says tells whether one of the texts names a column of a table.
func (f *hideFlags) says(texts []string, table, column string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		return text == table+"."+column || text == column && len(f.tables) == 1
	})
}

// about tells whether a flag says something of a table: then it says all.
func (f *hideFlags) about(table string) bool {
	return slices.ContainsFunc(slices.Concat(f.mask, f.leaveOut), func(text string) bool {
		return len(f.tables) == 1 || strings.HasPrefix(text, table+".")
	})
}

// check refuses texts that name a column of no table.
func (f *hideFlags) check() error {
	for _, text := range slices.Concat(f.mask, f.leaveOut) {
		if len(f.tables) > 1 && !slices.ContainsFunc(f.tables, func(table string) bool { return strings.HasPrefix(text, table+".") }) {
			return usage("%q is of none of the tables: write it as TABLE.COLUMN", text)
		}
	}
	return nil
}

// known refuses columns that a table does not have.
func (f *hideFlags) known(table string, columns []string) error {
	for _, text := range slices.Concat(f.mask, f.leaveOut) {
		column, of := strings.CutPrefix(text, table+".")
		if (of || len(f.tables) == 1) && !slices.Contains(columns, column) {
			return usage("table %s has no column %q", table, column)
		}
	}
	return nil
}
