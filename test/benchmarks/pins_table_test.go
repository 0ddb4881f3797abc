package benchmarks_test

import "github.com/gorm-audit/auditplugin/test/benchmarks/subject"

// pin is what the plugin may add to an operation of plain GORM. Lower a number when
// the plugin does with less; the test says when that is so.
type pin struct {
	// statements and roundTrips are as package wire counts them, in every mode.
	statements, roundTrips float64
	// prepares are statements that are prepared, in the default mode.
	prepares float64
	// allocs are allocations of the Go program, in the default mode, and bytes their size.
	allocs, bytes float64
}

// An update by key may have 1 statement and round trip on PostgreSQL, 2 on MariaDB, and
// should have 60 allocations: SQLite's driver makes more for its three statements. On
// MariaDB a transaction sends fewer statements to be prepared than plain GORM's, and so
// has fewer round trips in the default mode than pinned; with PrepareStmt, GORM's has
// none of those.
func pins() map[subject.Kind]map[string]pin {
	return map[subject.Kind]map[string]pin{
		subject.SQLite: {
			"create":      {statements: 1, roundTrips: 1, allocs: 93, bytes: 6_450},
			"update":      {statements: 3, roundTrips: 3, allocs: 86, bytes: 5_700},
			"delete":      {statements: 1, roundTrips: 1, allocs: 74, bytes: 5_450},
			"create1000":  {statements: 63, roundTrips: 64, prepares: 1, allocs: 16_150, bytes: 1_970_000},
			"transaction": {statements: 108, roundTrips: 111, prepares: 3, allocs: 4_430, bytes: 337_000},
			"read":        {},
			"unaudited":   {allocs: 4, bytes: 608},
		},
		subject.Postgres: {
			"create":      {statements: 1, roundTrips: 1, allocs: 71, bytes: 5_700},
			"update":      {statements: 1, roundTrips: 1, allocs: 52, bytes: 5_450},
			"delete":      {statements: 1, roundTrips: 1, allocs: 65, bytes: 5_050},
			"transaction": {statements: 1, roundTrips: 1, allocs: 2_930, bytes: 532_000},
			"read":        {},
			"unaudited":   {allocs: 4, bytes: 608},
		},
		subject.MySQL: {
			"create":      {statements: 1, roundTrips: 1, allocs: 64, bytes: 4_850},
			"update":      {statements: 2, roundTrips: 2, allocs: 51, bytes: 4_150},
			"delete":      {statements: 1, roundTrips: 1, allocs: 52, bytes: 4_320},
			"transaction": {statements: 103, roundTrips: 106, prepares: -95, allocs: 2_840, bytes: 460_000},
			"read":        {},
			"unaudited":   {allocs: 4, bytes: 608},
		},
	}
}
