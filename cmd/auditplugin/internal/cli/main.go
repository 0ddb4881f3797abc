// Package cli is the command line: one command a file.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

// App is what commands know of the world around them.
type App struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// Now is the clock, Zone the zone of people.
	Now  func() time.Time
	Zone *time.Location
	// Width is how wide the terminal on Stdout is, 0 if it is none. Interactive says
	// whether Stderr is a terminal.
	Width       int
	Interactive bool
}

// Main runs the command line of this process and returns its exit code.
func Main(args []string) int {
	// A reader that has seen enough (head) is no failure: writes return an error.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, Now: time.Now, Zone: time.Local}
	if term.IsTerminal(int(os.Stdout.Fd())) {
		a.Width = 80
		if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 0 {
			a.Width = w
		}
	}
	a.Interactive = term.IsTerminal(int(os.Stderr.Fd()))
	return a.Run(ctx, args)
}

// Run runs one command line and returns its exit code.
func (a App) Run(ctx context.Context, args []string) int {
	s := &session{app: a}
	defer s.close()
	root := newRoot(s)
	root.SetArgs(args)
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !s.begun && !errors.Is(err, errUsage) {
		err = usage("%v", err) // of the library that reads the command line
	}
	s.endPager()
	code := exitCode(ctx, err)
	if text := s.message(err); text != "" && code != exitYes {
		fmt.Fprintln(a.Stderr, "auditplugin: "+strings.TrimPrefix(text, "auditplugin: "))
	}
	return code
}
