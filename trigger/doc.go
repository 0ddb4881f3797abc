// Package trigger makes the triggers that record what does not go through GORM: psql,
// migrations, other services, procedures, the application's own triggers, and the rows of
// raw SQL. They stay silent for what the plugin records itself, if it was installed with
// [auditplugin.WithCompanion], and write the same records to the same table.
//
// It makes SQL that can be read and reviewed, and that a migration tool can run:
//
//	statements, err := trigger.Generate(db, trigger.For(&User{}, &Order{}))
//
// The plugin must be installed on db: the triggers follow its options and the models'
// tags. Generate again after a migration that changed a table's columns; [Check] tells
// where that was forgotten.
//
// SQLite, PostgreSQL (partitioned tables, too), MariaDB and MySQL. See docs/companion.md.
package trigger
