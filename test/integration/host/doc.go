// Package host shows that the application and its database are not hurt by being
// audited: each test runs the same work on plain GORM and with the plugin, and
// compares what both met. Locks, snapshots, deadlocks, commit errors, connections
// and what GORM returns must be those of the unaudited run.
//
// The servers are those that package testdb names; without one its tests skip.
package host
