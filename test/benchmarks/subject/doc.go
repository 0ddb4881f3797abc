// Package subject makes the databases that the benchmarks compare: the same tables
// with the same rows, written through plain GORM, through GORM with the plugin, and
// through plain GORM with hand-written triggers that do the auditing.
package subject
