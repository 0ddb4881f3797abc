// Package classify compares what internal/sqltext says of a statement with what
// SQLite itself says, on generated and mutated SQL.
package classify
