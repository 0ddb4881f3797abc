// Package settings reads auditplugin.yaml: the database, and what is usually asked how.
package settings

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// Name is the file that is read in the current folder.
const Name = "auditplugin.yaml"

// ErrFile is a file of settings that cannot be read or makes no sense. Nothing of what it
// says is quoted, but keys.
var ErrFile = errors.New("the settings make no sense")

// File is what a file of settings says; what it leaves out is "".
type File struct {
	Path string
	// DSN is the database's address, which nobody else should know if it has a password.
	DSN string
	// Shared tells that others than the file's owner may read it.
	Shared bool
	// AuditTable, Output, UTC and Limit are those of the flags.
	AuditTable, Output, UTC, Limit string
	// Doctor are flags of doctor, by name.
	Doctor map[string]string
}

// largest is how many bytes a file may have.
const largest = 64 << 10

// Load reads a file. One that is not there says nothing, unless it was asked for.
func Load(path string, asked bool) (*File, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) && !asked {
		return &File{Path: path}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer func() { _ = f.Close() }() // read only
	about, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, largest+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	case len(text) > largest:
		return nil, fmt.Errorf("%w: %s is larger than %d bytes", ErrFile, path, largest)
	}
	// Windows has no such bits: who may read a file its access list says.
	s := &File{Path: path, Shared: runtime.GOOS != "windows" && about.Mode().Perm()&0o077 != 0, Doctor: map[string]string{}}
	if err := s.read(text); err != nil {
		return nil, err
	}
	return s, nil
}
