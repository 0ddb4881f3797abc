// Package snippets keeps the Go code in README.md and docs/ honest: its test
// compiles and vets every block, and runs those that are tests. A block is a whole
// file if it starts with a package clause, else declarations, else the body of a
// function. What such fragments take for granted is declared in testdata: in
// default.go, or in a file named after the page.
package snippets
