package trigger

import (
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// ErrInvalid is wrapped by errors about what was asked for: no plugin, a model without a
// table, a server for which there are no companion triggers.
var ErrInvalid = errors.New("trigger: invalid request")

// Option says which tables get triggers, and how they behave.
type Option func(*request) error

// request is what was asked for.
type request struct {
	db         *gorm.DB
	models     []any
	roles      []string
	bestEffort bool
	hashKey    bool
	// masked and types are of tables without a model.
	masked []string
	types  map[string]string
}

// For names the models whose tables get triggers. A model is a struct, a pointer to one, or
// the name of a table. Calls add up.
func For(models ...any) Option {
	return func(r *request) error {
		r.models = append(r.models, models...)
		return nil
	}
}

// Roles are the database users that the plugin's processes log in as. Only their
// statements can be marked; whoever else writes the mark is recorded. The default is
// the user that Generate itself is logged in as. SQLite knows no users.
func Roles(names ...string) Option {
	return func(r *request) error {
		for _, name := range names {
			if name == "" {
				return fmt.Errorf("%w: Roles: an empty name", ErrInvalid)
			}
		}
		r.roles = append(r.roles, names...)
		return nil
	}
}

// BestEffort lets a write pass that can not be recorded, with a warning of the database's.
// By default it fails. SQLite can not do that: there it is refused.
func BestEffort() Option {
	return func(r *request) error { r.bestEffort = true; return nil }
}

// HashKeyTable has columns that are tagged audit:"hash" hashed, with the plugin's key, and
// not masked: those that hold texts, UUIDs or whole numbers. [Install] then writes what it
// makes of the key into the table auditplugin_hash_key beside the audit table, and again
// each time; it is in no statement of [Generate]. Whoever may read that table can try
// values until a hash fits: it is for the owner of the triggers alone. On PostgreSQL nobody
// else may read it; on MariaDB and MySQL everybody may who has SELECT on the whole
// database. SQLite knows no SHA-256: there it is refused.
func HashKeyTable() Option {
	return func(r *request) error { r.hashKey = true; return nil }
}

func requested(db *gorm.DB, opts []Option) (*request, error) {
	r := &request{db: db}
	for _, o := range opts {
		if err := o(r); err != nil {
			return nil, err
		}
	}
	if len(r.models) == 0 {
		return nil, fmt.Errorf("%w: no models; name them with trigger.For", ErrInvalid)
	}
	return r, nil
}
