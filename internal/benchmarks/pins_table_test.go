package benchmarks_test

import "github.com/gorm-audit/auditplugin/internal/benchmarks/subject"

// pin is what the plugin may add to an operation of plain GORM. Lower a number when
// the plugin does with less; the test says when that is so.
type pin struct {
	// statements and roundTrips are as package wire counts them, in every mode.
	statements, roundTrips float64
	// allocs are allocations of the Go program, in the default mode.
	allocs float64
}

// Where an update by key should get: 1 statement and round trip on PostgreSQL, 2 on
// MariaDB, and 60 allocations anywhere.
func pins() map[subject.Kind]map[string]pin {
	return map[subject.Kind]map[string]pin{
		subject.SQLite: {
			"create":      {statements: 1, roundTrips: 1, allocs: 182},
			"update":      {statements: 3, roundTrips: 3, allocs: 184},
			"delete":      {statements: 1, roundTrips: 1, allocs: 134},
			"transaction": {statements: 108, roundTrips: 109, allocs: 12_500},
			"read":        {},
			"unaudited":   {allocs: 8},
		},
		subject.Postgres: {
			"create":      {statements: 1, roundTrips: 1, allocs: 149},
			"update":      {statements: 1, roundTrips: 1, allocs: 131},
			"delete":      {statements: 1, roundTrips: 1, allocs: 118},
			"transaction": {statements: 1, roundTrips: 1, allocs: 8_700},
			"read":        {},
			"unaudited":   {allocs: 8},
		},
		subject.MySQL: {
			"create":      {statements: 1, roundTrips: 1, allocs: 136},
			"update":      {statements: 2, roundTrips: 2, allocs: 127},
			"delete":      {statements: 1, roundTrips: 1, allocs: 117},
			"transaction": {statements: 103, roundTrips: 106, allocs: 9_800},
			"read":        {},
			"unaudited":   {allocs: 8},
		},
	}
}
