package main

import (
	"context"
	"errors"
	"os"
	"runtime/pprof"

	"github.com/gorm-audit/auditplugin/test/benchmarks/subject"
	"github.com/gorm-audit/auditplugin/test/benchmarks/work"
)

// startProfile profiles into a file until stop is called; without a name, nothing.
func startProfile(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// labelled runs a turn so that a profile can be narrowed down to it:
//
//	go tool pprof -tagfocus variant=plugin -tagfocus work=update file
func (a *arena) labelled(s *subject.Subject, w work.Work, turn func() error) (err error) {
	if a.profile == "" {
		return turn()
	}
	pprof.Do(context.Background(), pprof.Labels("variant", string(s.Variant), "work", w.Name), func(context.Context) { err = turn() })
	return err
}
