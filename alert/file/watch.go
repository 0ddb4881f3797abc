package file

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
)

// Watch keeps the engine's rules and channels at what the file says, until ctx ends.
// It looks at the file at once and then every so often, at most ten times a second,
// and compares contents, so that it does not matter how the file is replaced. After each change, report is told: nil when the new rules are in force,
// or why they are not; then the old ones stay. It may be nil. Watch returns ctx's
// error.
func Watch(ctx context.Context, path string, engine *alert.Engine, every time.Duration, report func(error), opts ...Option) error {
	if report == nil {
		report = func(error) {}
	}
	w := watcher{path: path}
	ticker := time.NewTicker(max(every, 100*time.Millisecond))
	defer ticker.Stop()
	for {
		if changed, err := w.changed(); changed {
			if err == nil {
				err = load(path, engine, opts)
			}
			report(err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func load(path string, engine *alert.Engine, opts []Option) error {
	c, err := Load(path, opts...)
	if err != nil {
		return err
	}
	return engine.Replace(c.Rules, c.Channels, c.Options...)
}

// watcher remembers what it saw last.
type watcher struct {
	path  string
	seen  bool
	sum   [sha256.Size]byte
	state string
}

// changed reports whether the file is another than at the last call; also, once,
// that it cannot be read.
func (w *watcher) changed() (bool, error) {
	text, err := os.ReadFile(w.path)
	state := ""
	if err != nil {
		state = "unreadable"
		if errors.Is(err, fs.ErrNotExist) {
			state = "missing"
		}
	}
	sum := sha256.Sum256(text)
	if w.seen && state == w.state && sum == w.sum {
		return false, nil
	}
	w.seen, w.sum, w.state = true, sum, state
	if err != nil {
		err = fmt.Errorf("auditplugin: alert file: %w", err)
	}
	return true, err
}
