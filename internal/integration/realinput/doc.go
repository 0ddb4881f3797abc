// Package realinput holds a test that brings a real data set, the mime-db registry,
// from release to release through GORM, and compares the audit trail with a list
// of changes that was computed elsewhere.
package realinput
