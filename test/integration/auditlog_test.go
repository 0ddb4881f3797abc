package integration

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/auditlog"
	"github.com/gorm-audit/auditplugin/emitter"
)

// What an application records by hand stands in the audit table beside what the
// plugin recorded, and one query finds both.
func TestManualEntriesAreInTheTrail(t *testing.T) {
	settings().natively(t, func(s *stage) {
		table, err := emitter.Table().Bind(s.db.DB)
		s.try(err)
		var lines bytes.Buffer
		log, err := auditlog.New(slog.Default(), auditlog.WithApplication("accounts"), auditlog.WithWriter(&lines), auditlog.WithEmitter(table),
			auditlog.WithErrorHandler(func(_ context.Context, err error) { s.Error(err) }))
		s.try(err)
		ctx := audit.WithActor(context.Background(), audit.Actor{ID: "42"})

		s.ok(s.db.WithContext(ctx).Model(&Setting{Name: "a"}).Update("value", "by the plugin"))
		s.try(log.Audit.RecordUpdated(ctx, "Changed elsewhere", "setting",
			map[string]any{"name": "a", "value": "old", "token": "s-1"}, map[string]any{"name": "a", "value": "new", "token": "s-2"}, auditlog.ID("a")))
		s.try(log.Audit.RecordCreated(ctx, "Made elsewhere", "setting", map[string]any{"name": "z"}, auditlog.ID("z")))
		log.Audit.WarnContext(ctx, "Refused", auditlog.About("setting", "a"), auditlog.Outcome(audit.Failure), "quota", 3)
		s.ok(s.db.WithContext(ctx).Delete(&Setting{Name: "a"}))

		s.oracle = nil // the plugin did not announce what it did not record
		var got []string
		for _, e := range s.trail() {
			if e.RecordType == "setting" && e.RecordID == "a" && e.ActorID == "42" {
				got = append(got, fmt.Sprint(e.Action, " ", e.Outcome, " ", e.Changed, " ", e.After["value"], " ", e.Metadata["quota"]))
			}
			if strings.Contains(fmt.Sprint(e), "s-1") {
				s.Errorf("the table tells a secret: %+v", e)
			}
			if e.Message != "" && !strings.Contains(lines.String(), e.ID) {
				s.Errorf("no line carries the id of %+v", e)
			}
		}
		want := []string{
			"update success [value] by the plugin <nil>", "update success [token value] new <nil>",
			"event failure [] <nil> 3", "delete success [] <nil> <nil>",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			s.Errorf("the trail of the setting is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if n := strings.Count(lines.String(), "\n"); n != 3 {
			s.Errorf("%d lines, want 3", n)
		}
	})
}
