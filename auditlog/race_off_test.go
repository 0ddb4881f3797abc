//go:build !race

package auditlog_test

const raceEnabled = false
