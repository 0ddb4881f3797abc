package cli

import (
	"context"
	"errors"
	"log/slog"
	"os/user"
	"slices"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/trigger"
)

// change is what commands have that write: nothing is written without --yes.
type change struct {
	yes    bool
	reason string
}

func (w *change) add(c *cobra.Command) {
	c.Flags().BoolVar(&w.yes, "yes", false, "do it; without, only tell what would be done")
	c.Flags().StringVar(&w.reason, "reason", "", "why; it is recorded, and --yes needs it")
}

// context says who and why.
func (w *change) context(ctx context.Context, s *session) (context.Context, error) {
	if w.yes && w.reason == "" {
		return ctx, usage("--yes needs a --reason")
	}
	actor := audit.Actor{ID: s.app.Getenv("AUDIT_ACTOR"), Type: "operator"}
	if actor.ID == "" {
		if u, err := user.Current(); err == nil {
			actor.ID, actor.Name = u.Username, u.Name
		}
	}
	ctx = audit.WithActor(ctx, actor)
	ctx = audit.WithMetadata(ctx, map[string]any{"tool": "auditplugin"})
	if w.reason != "" {
		ctx = audit.WithReason(ctx, w.reason)
	}
	return ctx, nil
}

// recorded installs the plugin, so that what is written to the tables is recorded. What
// their records keep secret stays out of the new ones.
func (s *session) recorded(ctx context.Context, db *gorm.DB, tables []string) (*gorm.DB, error) {
	opts := []auditplugin.Option{
		auditplugin.WithEmitter(emitter.Table(emitter.Name(s.auditTable()), emitter.NoCreate())),
		auditplugin.WithApplication("auditplugin"), auditplugin.WithLogger(slog.New(slog.DiscardHandler)),
	}
	slices.Sort(tables)
	for _, table := range slices.Compact(tables) {
		if table == "" {
			continue // of an event
		}
		secret, err := history.HiddenColumns(ctx, db, table, s.asking())
		if errors.Is(err, history.ErrNoKey) {
			continue // it is gone, or has no key: the revert says so
		}
		if err != nil {
			return nil, err
		}
		if len(secret) > 0 {
			opts = append(opts, auditplugin.WithoutColumns(secret...))
		}
	}
	if len(tables) > 0 {
		there, err := trigger.Examine(ctx, db)
		if err != nil {
			return nil, err
		}
		if len(there) > 0 {
			opts = append(opts, auditplugin.WithCompanion()) // or they record it, too
		}
	}
	return db, db.Use(auditplugin.New(opts...))
}
