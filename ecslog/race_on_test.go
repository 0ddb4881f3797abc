//go:build race

package ecslog_test

const raceEnabled = true
