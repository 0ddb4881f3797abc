// Package snippets keeps the Go code in README.md and docs/ honest: its test
// compiles and vets every block. A block is a whole file if it starts with a
// package clause, else declarations, else the body of a function; the names below
// are what such fragments may take for granted.
package snippets
