package auditplugin

import (
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gorm-audit/auditplugin/internal/diffpath"
	"github.com/gorm-audit/auditplugin/internal/redact"
	"github.com/gorm-audit/auditplugin/internal/table"
)

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
