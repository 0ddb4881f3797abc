// Package concurrency holds the tests with many writers at once: their trails must
// be linear for each row, and the plugin must not make them fail more often or read
// anything else.
package concurrency
