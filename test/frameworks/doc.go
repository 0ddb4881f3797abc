// Package frameworks compiles and runs what docs/frameworks.md shows: how actor, reason,
// request and tenant get from a web framework, a gRPC server or a job queue into the trail.
// Every Go block of that page stands in a test file here, word for word.
package frameworks
