// Package proof runs random histories of GORM writes and lets three judges look at
// each: the triggers of package oracle, the batches announced after commit, and the
// same history on plain GORM, which must look the same to the application.
//
// How much is run is set with -rapid.checks (histories per database) and
// AUDIT_PROOF_STEPS (steps per history); -rapid.seed repeats a run.
package proof
