package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	// ErrConflict is a change that cannot be undone because the row has been
	// changed again, is gone, or is there again.
	ErrConflict = errors.New("auditplugin: row has moved on")
	// ErrNotRevertible is a record that does not say what to undo: raw SQL, or an
	// event.
	ErrNotRevertible = errors.New("auditplugin: record cannot be undone")
	// ErrNoModel is a table whose model is not known; see [Models].
	ErrNoModel = errors.New("auditplugin: no model for table")
)

type revertSettings struct {
	models                  []any
	modelOf                 []tableModel
	columns                 []string
	tables                  []string
	dryRun, force, skipLost bool
}

// Models names the models of the tables that a revert writes to, for tables that
// the plugin installed on db has not met yet. The join tables of their many2many
// relations are included. Without its model a row's audit tags would not hold when
// the revert itself is recorded, so that a table without one is refused with
// [ErrNoModel].
func Models(models ...any) Option {
	return func(s *settings) { s.revert.models = append(s.revert.models, models...) }
}

type tableModel struct {
	table string
	model any
}

// ModelOf names the model of one table, with a schema or without, for models whose
// rows are kept in several:
//
//	history.ModelOf("visits_2024", &Visit{})
func ModelOf(table string, model any) Option {
	return func(s *settings) { s.revert.modelOf = append(s.revert.modelOf, tableModel{table, model}) }
}

// Tables names tables that a revert may write to although there is no model for
// them. Of their columns, only names keep values from being recorded openly.
func Tables(names ...string) Option {
	return func(s *settings) { s.revert.tables = append(s.revert.tables, names...) }
}

// DryRun makes a revert do everything and then roll it back, so that what it
// returns, errors of the database included, is what would happen. It takes the same
// locks and needs the same rights, and leaves no record.
func DryRun() Option { return func(s *settings) { s.revert.dryRun = true } }

// Force makes a revert overwrite what was changed since, delete rows that others
// refer to, and leave out records that cannot be undone. It does not make up values
// that are not known; see [SkipUnknown].
func Force() Option { return func(s *settings) { s.revert.force = true } }

// SkipUnknown makes a revert leave out the columns whose old values are redacted or
// in no record: they keep their present values, or, in a row that is inserted
// again, get the database's defaults. [RevertStep].Left names them.
func SkipUnknown() Option { return func(s *settings) { s.revert.skipLost = true } }

// ConflictError tells why a change cannot be undone. errors.Is finds [ErrConflict]
// in it.
type ConflictError struct {
	// Table and RecordID name the row, as its records do.
	Table, RecordID string
	// Columns were changed since. It is empty when the row as a whole is in the way.
	Columns []string
	// Unsure are those of Columns of which the records do not say what they became: they hold
	// a mask or a part of it, or were pruned.
	Unsure []string
	// Reason says what is in the way, if it is not the columns.
	Reason string
}

// Error names the row and the columns, and no values.
func (e *ConflictError) Error() string {
	why := e.Reason
	if len(e.Columns) > 0 {
		changed := slices.DeleteFunc(slices.Clone(e.Columns), func(name string) bool { return slices.Contains(e.Unsure, name) })
		var parts []string
		if len(changed) > 0 {
			parts = append(parts, "changed since: "+strings.Join(changed, ", "))
		}
		if len(e.Unsure) > 0 {
			parts = append(parts, "the records do not tell whether it changed since: "+strings.Join(e.Unsure, ", "))
		}
		why = strings.Join(parts, "; ")
	}
	return fmt.Sprintf("%v: row %q of table %q (%s)", ErrConflict, e.RecordID, e.Table, why)
}

// Unwrap returns [ErrConflict].
func (e *ConflictError) Unwrap() error { return ErrConflict }
