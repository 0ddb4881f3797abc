package benchmarks_test

import "github.com/gorm-audit/auditplugin/test/benchmarks/subject"

// pin is what the plugin may add to an operation of plain GORM. Lower a number when
// the plugin does with less; the test says when that is so.
type pin struct {
	// statements and roundTrips are as package wire counts them, in every mode.
	statements, roundTrips float64
	// prepares are statements that are prepared, in the default mode.
	prepares float64
	// allocs are allocations of the Go program, in the default mode.
	allocs float64
}

// An update by key may have 1 statement and round trip on PostgreSQL, 2 on MariaDB, and
// should have 60 allocations: SQLite's driver makes more for its three statements. On
// MariaDB a transaction sends fewer statements to be prepared than plain GORM's, and so
// has fewer round trips in the default mode than pinned; with PrepareStmt, GORM's has
// none of those.
func pins() map[subject.Kind]map[string]pin {
	return map[subject.Kind]map[string]pin{
		subject.SQLite: {
			"create":      {statements: 1, roundTrips: 1, allocs: 94},
			"update":      {statements: 3, roundTrips: 3, allocs: 88},
			"delete":      {statements: 1, roundTrips: 1, allocs: 76},
			"create1000":  {statements: 63, roundTrips: 64, prepares: 1, allocs: 16_200},
			"transaction": {statements: 108, roundTrips: 111, prepares: 3, allocs: 4_450},
			"read":        {},
			"unaudited":   {allocs: 5},
		},
		subject.Postgres: {
			"create":      {statements: 1, roundTrips: 1, allocs: 73},
			"update":      {statements: 1, roundTrips: 1, allocs: 53},
			"delete":      {statements: 1, roundTrips: 1, allocs: 68},
			"transaction": {statements: 1, roundTrips: 1, allocs: 2_950},
			"read":        {},
			"unaudited":   {allocs: 5},
		},
		subject.MySQL: {
			"create":      {statements: 1, roundTrips: 1, allocs: 65},
			"update":      {statements: 2, roundTrips: 2, allocs: 52},
			"delete":      {statements: 1, roundTrips: 1, allocs: 54},
			"transaction": {statements: 103, roundTrips: 106, prepares: -95, allocs: 2_850},
			"read":        {},
			"unaudited":   {allocs: 5},
		},
	}
}
