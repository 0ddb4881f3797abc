// Package emitter holds the places audit records go to.
//
//   - [Table] writes them into a table, inside the transaction that made the
//     change, or, with [On], into a table of another database after commit.
//   - [Slog] and [JSON] write one log line per record, with field names of the
//     Elastic Common Schema.
//   - [Multi] sends them to several emitters, [Async] queues them for a slow one.
//   - [Func] is your own function, [Memory] keeps them for your tests.
//
// Emitters that need to know the database implement [Binder]; the plugin binds
// them once per database. The package emittertest holds the contract that any
// emitter should pass.
//
// # What is done to values
//
// No value can make a write fail or forge a log line. In every text, bytes that
// are not UTF-8 and NUL become U+FFFD. Inside JSON, times are RFC 3339 with
// nanoseconds in UTC, []byte is base64, integers keep all their digits, NaN and
// infinities are the strings "NaN", "+Inf" and "-Inf", and so are numbers that a
// database could not hold (more than 400 characters, or outside float64's
// range). Documents nested deeper than 24 levels become a string that holds the
// JSON from there on, since MariaDB refuses more than 31. A value that has no
// JSON form becomes a string that names its type, and a value that contains
// itself is cut with "<cycle>". See [Table] for the sizes.
package emitter
