package file

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrInvalid is a file that cannot be used. The error that wraps it is an [*Error].
var ErrInvalid = errors.New("auditplugin: invalid alert file")

// Error is everything that is wrong with a file.
type Error struct {
	// File is the name that the file was read under.
	File string
	// Problems are in the order of their lines.
	Problems []Problem
}

// Problem is one thing that is wrong.
type Problem struct {
	// Line and Column are where, counted from 1.
	Line, Column int
	// Err is what.
	Err error
}

// Error lists the problems, one a line: "alerts.yaml:12:5: unknown key "tabel"".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(ErrInvalid.Error())
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n%s:%d:%d: %v", e.File, p.Line, p.Column, p.Err)
	}
	return b.String()
}

// Unwrap returns ErrInvalid and what is wrong.
func (e *Error) Unwrap() []error {
	all := []error{ErrInvalid}
	for _, p := range e.Problems {
		all = append(all, p.Err)
	}
	return all
}

// problems collects what is wrong while a file is read.
type problems struct{ all []Problem }

func (p *problems) at(n node, format string, args ...any) {
	p.all = append(p.all, Problem{n.line, n.column, fmt.Errorf(format, args...)})
}

func (p *problems) err(file string) error {
	if len(p.all) == 0 {
		return nil
	}
	slices.SortStableFunc(p.all, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &Error{File: file, Problems: p.all}
}
