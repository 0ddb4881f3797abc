package auditplugin

import (
	"fmt"
	"maps"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/change"
	"github.com/gorm-audit/auditplugin/internal/delivery"
	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/entry"
	"github.com/gorm-audit/auditplugin/internal/fault"
	"github.com/gorm-audit/auditplugin/internal/intercept"
	"github.com/gorm-audit/auditplugin/internal/record"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/statement"
	"github.com/gorm-audit/auditplugin/internal/table"
)

// differ makes of what a statement changed what is recorded of it. It decides that once
// for each row, and renders it as the emitters take it: as records, or, where only audit
// tables of ours want them, as entries.
type differ struct {
	record.Differ
	delivery  *delivery.Delivery
	composers record.Composers
}

var _ intercept.Recorder = (*differ)(nil)

// Record hands the records of a statement to its transaction, in parts when they are
// many. about is what they share.
func (d *differ) Record(s *statement.Statement, about audit.Record) error {
	if len(s.Notes) > 0 {
		merged := map[string]any{"auditplugin": s.Notes}
		maps.Copy(merged, about.Metadata)
		about.Metadata = merged
	}
	if columnLimit, ok := d.delivery.WantsEntries(); ok {
		return d.entries(s, &about, columnLimit)
	}
	return d.records(s, &about)
}

func (d *differ) records(s *statement.Statement, about *audit.Record) error {
	causes := audit.CausesFrom(s.Ctx)
	records := make([]audit.Record, 0, min(s.Log.Len(), change.MaxPlain))
	err := s.Log.Each(func(c *change.Change) error {
		var diff record.Difference // its changes become the record's
		ok, err := d.Decide(c, &diff)
		if err != nil {
			return recordError(s, err)
		}
		if ok {
			r := d.Limit.Of(about, &diff)
			if cause := causeOf(causes, c, r.RecordID); cause != "" {
				r.Cause = cause
			}
			records = append(records, r)
		}
		if len(records) < change.MaxPlain {
			return nil
		}
		full := records
		records = records[:0]
		return s.Ledger.Add(s.Ctx, full, s.Model.Keep)
	})
	if err != nil {
		return err
	}
	return s.Ledger.Add(s.Ctx, records, s.Model.Keep)
}

func (d *differ) entries(s *statement.Statement, about *audit.Record, columnLimit int) error {
	n, causes := s.Log.Len(), audit.CausesFrom(s.Ctx)
	c := d.composers.Get(d.Limit, columnLimit, about, n)
	defer d.composers.Put(c)
	c.Entries = slices.Grow(c.Entries, min(n, change.MaxPlain))
	err := s.Log.Each(func(ch *change.Change) error {
		ok, err := d.Decide(ch, &c.Difference)
		if err != nil {
			return recordError(s, err)
		}
		if ok {
			c.Compose()
			if e := &c.Entries[len(c.Entries)-1]; causes != nil {
				if cause := causeOf(causes, ch, e.RecordID); cause != "" {
					e.Cause = entry.Cut(cause, entry.TextLimit)
				}
			}
		}
		if len(c.Entries) < change.MaxPlain {
			return nil
		}
		full := delivery.Batch{Entries: c.Entries}
		c.Entries = c.Entries[:0]
		return s.Ledger.AddBatch(s.Ctx, full, s.Model.Keep)
	})
	if err != nil {
		return err
	}
	return s.Ledger.AddBatch(s.Ctx, delivery.Batch{Entries: c.Entries}, s.Model.Keep)
}

// causeOf is the cause that the application gave for one row's record, or "".
func causeOf(causes func(table, recordID string) string, c *change.Change, recordID string) string {
	if causes == nil || c.Cause != "" {
		return ""
	}
	return causes(c.Table.Name.Name, recordID)
}

func recordError(s *statement.Statement, err error) error {
	return fmt.Errorf("%w: %s: %w", fault.ErrAuditFailed, s, err)
}

// Secret is a place of a model's rows that records do not show; see [Secrets].
type Secret struct {
	// Table is the model's, without a schema.
	Table string
	// Path is the column, or, inside a JSON column, the column and the keys below it joined
	// by dots ("settings.smtp.password"); "*" stands for every key or element.
	Path string
	// How says what is done: "masked", "masked but for the last 4", "hashed", "never
	// recorded".
	How string
	// ByName tells that the name is the reason, and no tag: audit:"show" shows it.
	ByName bool
	// Where says of which rows it is true, for values of a table of settings, which are
	// masked where the row is called like a secret; "" for all.
	Where string
	// Key tells that the column belongs to the primary key: records name the row by its
	// keyed hash, or, without a hash key, not at all.
	Key bool
}

// String is the secret as a line for people.
func (s Secret) String() string {
	text := s.Table + "." + s.Path + ": " + s.How
	if s.ByName {
		text += ", because of its name"
	}
	if s.Where != "" {
		text += " " + s.Where
	}
	if s.Key {
		text += " (a key: needs WithHashKey)"
	}
	return text
}

// Secrets tells what records will not show of the given models: because of tags, of names,
// and, where the plugin is installed on db, of what other models of the same tables hide. Look at it once with all models of an application: names are a guess.
// What is hidden in JSON of which no type is known, by the names of its keys, is not listed.
//
// Mistakes in tags are errors, as they are for the first write; audit:"hash" needs no key
// here. It asks the database nothing.
func Secrets(db *gorm.DB, models ...any) ([]Secret, error) {
	var all []Secret
	for _, model := range models {
		stmt := &gorm.Statement{DB: db}
		if err := stmt.Parse(model); err != nil {
			return nil, fmt.Errorf("%w: Secrets: %T is not a model: %w", ErrInvalidOption, model, err)
		}
		found, err := secretsOf(db, stmt.Schema)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// planner is the plugin, which knows of a table what its models and the options say.
type planner interface {
	planOf(s *schema.Schema, table string) (*redact.Plan, error)
}

func secretsOf(db *gorm.DB, s *schema.Schema) ([]Secret, error) {
	name := table.Bare(s.Table)
	installed, _ := db.Plugins["auditplugin"].(planner)
	plan, err := redact.ForTable(s, name, redact.Config{HashKey: make([]byte, minHashKey)})
	if installed != nil {
		plan, err = installed.planOf(s, name)
	}
	if err != nil {
		return nil, err
	}
	var all []Secret
	for _, h := range plan.Hidings(s) {
		all = append(all, Secret{
			Table: name, Path: diffpath.Join(h.Path), How: h.How, ByName: h.ByName,
			Key: len(h.Path) == 1 && h.How != "hashed" && slices.Contains(s.PrimaryFieldDBNames, h.Path[0]),
		})
	}
	naming, settings := redact.SettingColumns(s.DBNames)
	for _, column := range settings {
		if plan.Undecided(column) {
			all = append(all, Secret{Table: name, Path: column, How: "masked", Where: "where " + naming + " is a secret's name"})
		}
	}
	return all, nil
}
