package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
)

// accessType is the record type of the event that somebody has looked.
const accessType = "audit_access"

// question is a command as it was typed, without the flags that say where and how.
func question(c *cobra.Command, args []string) string {
	words := append(strings.Fields(c.CommandPath())[1:], args...)
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			words = append(words, "--"+f.Name+"="+f.Value.String())
		}
	})
	return strings.Join(words, " ")
}

// looked leaves an event about a question, before it is answered: what can not be recorded
// is not shown.
func (s *session) looked(ctx context.Context) error {
	w := change{reason: s.flags.access}
	ctx, err := w.context(ctx, s)
	if err != nil {
		return err
	}
	db, err := s.target.Open(ctx, false)
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }() // the event is committed, or failed
	if db, err = s.recorded(ctx, db, nil); err != nil {
		return err
	}
	return auditplugin.Event(db.WithContext(ctx), audit.Record{RecordType: accessType, Message: s.question})
}
