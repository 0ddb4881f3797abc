// Package history asks questions of the audit table that the auditplugin package
// and emitter.Table write: what happened to a row, what an actor did, who set a
// column and when.
//
//	records, err := history.Of(db, &user).Column("phone").Newest().Limit(20).Find(ctx)
//
// [Of] starts from one row, [Search] from the whole table. Each method of [Query]
// narrows the question and returns a new Query; the one it was called on stays as
// it was, so that a Query can be kept, shared between goroutines and narrowed in
// several ways. Nothing is asked before Find, First, Count, Page or All.
//
// # Rows
//
// [AsOf] puts a row together as it was, [AsOfAll] a whole table, [Versions] and
// [Diff] say what became of a row, and [Blame] who set each of its columns. [Revert],
// [RevertTransaction] and [RevertTo] undo. [Query.With], and the option [With], take a
// row's associations along, and [Names] shows names instead of keys. [Baseline] records
// rows that were there before the trail. [Prune] lets go of old records, [Erase] of a
// person's values, and [PartitionSchema] makes a table of which whole months can be
// dropped. All functions are safe for concurrent use.
//
// # Where records are looked for
//
// In the audit table of the plugin that is installed on db, or, without one, in
// the table audit_logs. [Query.Table] names another one, [Query.In] another
// database. Inside a transaction the question is asked on its connection: records
// that the plugin still buffers are written first, so that a transaction sees its
// own trail. The rights that are needed are SELECT on the audit table.
//
// # Order
//
// Records come in the order of seq, which the database assigned while the rows
// were locked; oldest first, unless [Query.Newest] says otherwise.
//
// # Values
//
// Values in records that were read back are what JSON has: numbers are
// encoding/json.Number, times are RFC 3339 texts in UTC, bytes are base64. Secrets
// are as redacted as they were written.
//
// # Records of older and newer versions
//
// Records whose SchemaVersion is lower than [audit.SchemaVersion] are read.
// Records of a higher one, written by a newer release, are read as far as this
// release understands them and keep their SchemaVersion, so that a caller can tell.
// Columns that a table no longer has, or has with another type, stay in the records
// as they were; see [Query.Alias] for columns that were renamed.
package history
