// Package connect finds out which database is meant, opens it, and keeps its password
// to itself.
package connect

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gorm-audit/auditplugin/cmd/auditplugin/internal/settings"
)

// The errors of this package.
var (
	// ErrNoDatabase is a command that was not told which database to ask.
	ErrNoDatabase = errors.New("no database: give --dsn, --dsn-file, set AUDIT_DSN or DATABASE_URL, or write dsn: into auditplugin.yaml")
	// ErrDSN is an address that nobody can make a database of. It does not quote it.
	ErrDSN = errors.New("not the address of a database")
	// ErrPasswordShown is a password on the command line, where every user of the
	// machine can read it.
	ErrPasswordShown = errors.New("a password on the command line can be read by every user of this machine: set AUDIT_DSN, or use --dsn-file (- is standard input)")
	// ErrPasswordReadable is a password in settings that others may read.
	ErrPasswordReadable = errors.New("it holds a password, and others than its owner may read it: chmod 600")
)

// Source says where the address of the database comes from: the first that is given of
// a flag, a file, the environment, the file .env and the settings.
type Source struct {
	// DSN is the flag, File the path of --dsn-file.
	DSN, File string
	// EnvFile is what is read beside the environment; "none" is nothing.
	EnvFile string
	// Settings is what auditplugin.yaml says, or nil.
	Settings *settings.File
	Stdin    io.Reader
	Getenv   func(string) string
}

// variables name the address in the environment, the first one that is set counts.
var variables = [...]string{"AUDIT_DSN", "DATABASE_URL"}

// Find returns the database that is meant.
func (s Source) Find() (Target, error) {
	switch {
	case s.DSN != "" && s.File != "":
		return Target{}, fmt.Errorf("%w: --dsn and --dsn-file say it twice", ErrDSN)
	case s.DSN != "":
		t, err := Parse(s.DSN)
		if t.shown {
			return Target{}, ErrPasswordShown
		}
		return t, err
	case s.File != "":
		return s.fromFile()
	}
	for _, name := range variables {
		if dsn := s.Getenv(name); dsn != "" {
			return Parse(dsn)
		}
	}
	if s.EnvFile != "none" {
		set, err := readEnv(s.EnvFile)
		if err != nil {
			return Target{}, err
		}
		for _, name := range variables {
			if set[name] != "" {
				return Parse(set[name])
			}
		}
	}
	if s.Settings != nil && s.Settings.DSN != "" {
		return fromSettings(s.Settings)
	}
	return Target{}, ErrNoDatabase
}

func fromSettings(f *settings.File) (Target, error) {
	t, err := Parse(f.DSN)
	if err != nil {
		return Target{}, fmt.Errorf("dsn in %s: %w", f.Path, err)
	}
	if t.shown && f.Shared {
		return Target{}, fmt.Errorf("%s: %w", f.Path, ErrPasswordReadable)
	}
	return t, nil
}

func (s Source) fromFile() (Target, error) {
	in := s.Stdin
	if s.File != "-" {
		f, err := os.Open(s.File)
		if err != nil {
			return Target{}, fmt.Errorf("--dsn-file: %w", err)
		}
		defer func() { _ = f.Close() }() // read only
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, 64<<10))
	if err != nil {
		return Target{}, fmt.Errorf("--dsn-file: %w", err)
	}
	return Parse(strings.TrimSpace(string(text)))
}

// readEnv reads lines of NAME=value, as other tools write them. A file that is not
// there sets nothing.
func readEnv(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	set := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(lines.Text()), "export "), "=")
		if ok && !strings.HasPrefix(name, "#") {
			set[strings.TrimSpace(name)] = unquote(strings.TrimSpace(value))
		}
	}
	return set, lines.Err()
}

func unquote(s string) string {
	if len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
