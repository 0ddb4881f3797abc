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
			"create":      {statements: 1, roundTrips: 1, allocs: 203},
			"update":      {statements: 4, roundTrips: 4, allocs: 371},
			"delete":      {statements: 1, roundTrips: 1, allocs: 194},
			"transaction": {statements: 202, roundTrips: 202, allocs: 32_380},
			"read":        {},
			"unaudited":   {allocs: 7},
		},
		subject.Postgres: {
			"create":      {statements: 1, roundTrips: 1, allocs: 249},
			"update":      {statements: 1, roundTrips: 1, allocs: 472},
			"delete":      {statements: 1, roundTrips: 1, allocs: 245},
			"transaction": {statements: 1, roundTrips: 1, allocs: 33_770},
			"read":        {},
			"unaudited":   {allocs: 7},
		},
		subject.MySQL: {
			"create":      {statements: 1, roundTrips: 2, allocs: 156},
			"update":      {statements: 3, roundTrips: 6, allocs: 330},
			"delete":      {statements: 1, roundTrips: 2, allocs: 152},
			"transaction": {statements: 201, roundTrips: 402, allocs: 29_790},
			"read":        {},
			"unaudited":   {allocs: 7},
		},
	}
}
