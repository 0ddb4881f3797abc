// Package benchmarks compares the library with what people would otherwise use.
// It is a module of its own so that nobody who uses the library downloads those.
package benchmarks
