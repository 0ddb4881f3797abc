package history_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/alert"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/relay"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// member has values of a person, in columns of several kinds.
type member struct {
	ID      uint
	Email   string          `gorm:"size:80"`
	Phone   string          `gorm:"size:80" audit:"mask=2"`
	Profile map[string]any  `gorm:"serializer:json"`
	Points  int             //
	Homes   []home          `gorm:"foreignKey:MemberID"`
	Friends []*memberFriend `gorm:"foreignKey:MemberID"`
}

type home struct {
	ID       uint
	MemberID uint
	Street   string `gorm:"size:80"`
}

type memberFriend struct {
	ID       uint
	MemberID uint
	Note     string `gorm:"size:80"`
}

// person42 is what must not be found any more.
var person42 = []string{"ann@example.test", "Ann Person", "0xElmStreet", "hidden-city", "10.9.8.7", "agent-of-ann", "note-of-ann", "meta-of-ann", "session-of-ann"}

// eraseScene has the trail of a member, of another one, and what an outbox and a relay
// made of it.
func eraseScene(t *testing.T, g testdb.Target, options ...testdb.Option) (s scene, ann member) {
	t.Helper()
	s = scene{t, g.Open(t, append(options, migrated(&member{}, &home{}, &memberFriend{}))...), t.Context()}
	for _, ddl := range []func(string) (string, error){alert.Schema, func(dialect string) (string, error) { return relay.Schema(dialect) }} {
		text, err := ddl(g.Dialect)
		s.ok(err)
		for _, statement := range strings.SplitAfter(text, ";\n") {
			if strings.TrimSpace(statement) != "" {
				_, err := s.Raw.Exec(statement)
				s.ok(err)
			}
		}
	}
	by := func(a audit.Actor, ip, agent string) *gorm.DB {
		ctx := audit.WithRequest(audit.WithActor(s.ctx, a), audit.Request{ID: "r1", IP: ip, UserAgent: agent})
		return s.DB.DB.WithContext(audit.WithReason(ctx, "ticket 17"))
	}
	support := by(audit.Actor{
		ID: "7", Type: "user", Name: "Grace", SessionID: "of-grace",
		OnBehalfOf: audit.Principal{ID: "42", Type: "user", Name: "Ann Person"},
	}, "10.0.0.1", "browser")
	herself := by(audit.Actor{ID: "42", Type: "user", Name: "Ann Person", SessionID: "session-of-ann"}, "10.9.8.7", "agent-of-ann")
	ann = member{ID: 42, Email: "ann@example.test", Phone: "+4712345678", Profile: map[string]any{"address": map[string]any{"city": "hidden-city"}}}
	bob := member{ID: 43, Email: "bob@example.test", Profile: map[string]any{"friends": []any{"bob's", "ann@example.test"}}}
	s.ok(support.Create(&ann).Error)
	s.ok(support.Create(&bob).Error)
	s.ok(herself.WithContext(audit.WithMetadata(herself.Statement.Context, map[string]any{"via": "meta-of-ann"})).Model(&ann).
		Updates(map[string]any{"email": "ann2@example.test", "phone": "+4787654321", "points": 3}).Error)
	s.ok(herself.Model(&member{ID: 42}).Updates(member{Profile: map[string]any{"address": map[string]any{"city": "elsewhere"}}}).Error)
	s.ok(support.Create(&home{ID: 1, MemberID: 42, Street: "0xElmStreet"}).Error)
	s.ok(support.Model(&home{ID: 1}).Update("street", "1xElmStreet").Error)
	s.ok(support.Model(&home{ID: 1}).Update("member_id", 43).Error)
	s.ok(support.Model(&home{ID: 1}).Update("street", "of bob").Error)
	s.ok(support.Create(&memberFriend{ID: 1, MemberID: 42, Note: "note-of-ann"}).Error)
	s.ok(support.Delete(&memberFriend{ID: 1}).Error)
	calling := audit.WithActor(audit.WithReason(support.Statement.Context, "called ann@example.test twice"), audit.Actor{ID: "7", Name: "Grace", SessionID: "call of ann@example.test"})
	s.ok(support.WithContext(calling).Model(&bob).Update("points", 1).Error)
	s.ok(herself.Model(&bob).Update("points", 2).Error)
	s.ok(support.Model(&member{ID: 43}).Updates(member{Profile: map[string]any{"friends": []any{"bob's"}, "by": map[string]any{"ann@example.test": 1}}}).Error)

	records, err := history.Search(s.DB.DB).Find(s.ctx)
	s.ok(err)
	for _, r := range records {
		_, err := s.Raw.Exec(s.bind("INSERT INTO audit_alerts (rule, channel, record, severity, dedupe, bundle, title, subject, body, link, occurred_at, created_at, status, due_at, sent_at, attempts, "+
			s.quoted("error")+", message_id, lease_owner, lease_until) VALUES ('r', 'c', ?, 0, '', '', 'Rule', ?, ?, 'http://x/ann@example.test', 0, 0, 'pending', 0, 0, 0, '', '', '', 0)"),
			r.ID, fmt.Sprint(r.RecordType, " ", r.Actor.Name), fmt.Sprint(r.Before, r.After, r.Reason))
		s.ok(err)
		s.letter(r)
	}
	// One that is no longer in the audit table, and one that cannot be read.
	gone := records[0]
	gone.ID, gone.Seq = "gone", 0
	s.letter(gone)
	_, err = s.Raw.Exec("INSERT INTO audit_relay_dead (subscriber, state, seq, record_id, record, " + s.quoted("error") + ", attempts, failed_at) VALUES ('s', 'dead', 99, 'unread', '', 'it said ann@example.test', 1, 0)")
	s.ok(err)
	_, err = s.Raw.Exec("INSERT INTO audit_relay_positions (name, token, version, high, gaps, delivered, failed, last_error, last_error_at, updated_at) VALUES ('s', 0, 0, 0, '{}', 0, 0, 'refused Ann Person', 0, 0)")
	s.ok(err)
	return s, ann
}

func (s scene) letter(r audit.Record) {
	s.Helper()
	_, err := s.Raw.Exec(s.bind("INSERT INTO audit_relay_dead (subscriber, state, seq, record_id, record, "+s.quoted("error")+", attempts, failed_at) VALUES ('s', 'dead', ?, ?, ?, ?, 1, 0)"),
		r.Seq, r.ID, string(emitter.RecordJSON(r)), fmt.Sprint("refused ", r.After))
	s.ok(err)
}

// bind numbers question marks for PostgreSQL.
func (s scene) bind(query string) string {
	if s.Target.Dialect != testdb.Postgres {
		return query
	}
	parts := strings.Split(query, "?")
	for n := range parts[1:] {
		parts[n] += fmt.Sprint("$", n+1)
	}
	return strings.Join(parts, "")
}

func (s scene) quoted(name string) string {
	if s.Target.Dialect == testdb.MySQL {
		return "`" + name + "`"
	}
	return `"` + name + `"`
}

// dump returns all rows of a table as text, by the column that names them.
func (s scene) dump(table, by string) map[string]string {
	s.Helper()
	all := map[string]string{}
	s.rows("SELECT "+by+", t.* FROM "+table+" t", func(rows *sql.Rows, columns int) {
		cells, into := make([]sql.NullString, columns), make([]any, columns)
		for i := range cells {
			into[i] = &cells[i]
		}
		s.ok(rows.Scan(into...))
		text := ""
		for _, c := range cells[1:] {
			text += c.String + " | "
		}
		all[cells[0].String] = text
	})
	return all
}

func (s scene) dumps() string {
	s.Helper()
	text := ""
	for _, t := range [][2]string{{"audit_logs", "seq"}, {"audit_alerts", "id"}, {"audit_relay_dead", "id"}, {"audit_relay_positions", "name"}} {
		rows := s.dump(t[0], t[1])
		for _, k := range slices.Sorted(maps.Keys(rows)) {
			text += t[0] + ": " + rows[k] + "\n"
		}
	}
	return text
}

func eraseAnn(s scene, ann *member) history.EraseOptions {
	return history.EraseOptions{
		Records: []history.Query{history.Of(s.DB.DB, ann).With("Homes", "Friends")},
		Actors:  []audit.Actor{{ID: "42", Type: "user"}},
		Values:  []string{"ann@example.test", "Ann Person"},
	}
}

// Nothing of the person is left anywhere, and everything else is as it was.
func TestErase(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s, ann := eraseScene(t, g)
		before := s.dumps()
		for _, secret := range person42 {
			if !strings.Contains(before, secret) {
				t.Fatalf("the scene has no %q", secret)
			}
		}
		others := s.dump("audit_logs", "seq")
		ctx := audit.WithReason(audit.WithActor(s.ctx, audit.Actor{ID: "9", Name: "Officer"}), "request 17")
		o := eraseAnn(s, &ann)
		o.DryRun = true
		planned, err := history.Erase(ctx, s.DB.DB, o)
		s.ok(err)
		if s.dumps() != before {
			t.Fatalf("a dry run changed something")
		}
		o.DryRun, o.Batch = false, 3
		done, err := history.Erase(ctx, s.DB.DB, o)
		s.ok(err)
		if fmt.Sprint(done) != fmt.Sprint(planned) {
			t.Errorf("planned %+v\ndone    %+v", planned, done)
		}
		after := s.dumps()
		for _, secret := range append([]string{"4787654321", "elsewhere", "1xElmStreet", "ann2@"}, person42...) {
			if i := strings.Index(after, secret); i >= 0 {
				t.Errorf("%q is left: …%s…", secret, after[max(0, i-300):min(len(after), i+60)])
			}
		}
		for _, kept := range []string{"bob@example.test", "of bob", "ticket 17", "Grace", "10.0.0.1"} {
			if !strings.Contains(after, kept) {
				t.Errorf("%q is gone", kept)
			}
		}
		// Records that had nothing of her are the same to the byte.
		now := s.dump("audit_logs", "seq")
		same := 0
		for seq, was := range others {
			hers := slices.ContainsFunc(append([]string{"| members | 42 |", "| 42 | user |", "MemberStreet"}, person42...), func(part string) bool { return strings.Contains(was, part) }) ||
				strings.Contains(was, "| homes |") || strings.Contains(was, "| member_friends |")
			if !hers {
				same++
				if now[seq] != was {
					t.Errorf("changed\n%s\nto\n%s", was, now[seq])
				}
			}
		}
		// The home's last record is bob's.
		if same == 0 && !strings.Contains(after, "of bob") {
			t.Errorf("nothing was compared")
		}
		events, err := history.Search(s.DB.DB).Type("audit_erase").Find(s.ctx)
		s.ok(err)
		if len(events) != 2 || events[1].Cause != events[0].ID || events[1].Reason != "request 17" || events[1].Actor.Name != "Officer" ||
			!strings.Contains(fmt.Sprint(events[1].Metadata), "members.email") || events[1].Outcome != audit.Success {
			t.Errorf("recorded as %+v", events)
		}
		again, err := history.Erase(ctx, s.DB.DB, o)
		s.ok(err)
		if again.Records+again.Alerts+again.DeadLetters != 0 || s.dumps() != after {
			t.Errorf("again: %+v", again)
		}
	})
}

// What was erased is told as such, and never guessed.
func TestEraseIsTold(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s, ann := eraseScene(t, g)
		records, err := history.Of(s.DB.DB, &ann).Find(s.ctx)
		s.ok(err)
		created, updated := records[0], records[1]
		_, err = history.Erase(s.ctx, s.DB.DB, eraseAnn(s, &ann))
		s.ok(err)
		got := member{ID: 42}
		var unknown *history.UnknownError
		err = history.AsOf(s.ctx, s.DB.DB, &got, history.After(created))
		if !errors.Is(err, history.ErrErased) || errors.Is(err, history.ErrUnknown) || !errors.As(err, &unknown) || fmt.Sprint(unknown.Erased) != "[email phone points profile]" {
			t.Errorf("as of: %v", err)
		}
		var gaps history.Gaps
		s.ok(history.AsOf(s.ctx, s.DB.DB, &got, history.After(updated), history.Partial(&gaps)))
		if fmt.Sprint(gaps.Erased) != "[profile]" || got.Email != "ann2@example.test" || got.Profile != nil {
			t.Errorf("gaps %+v, got %+v", gaps, got)
		}
		if _, err := history.Revert(s.ctx, s.DB.DB, updated); !errors.Is(err, history.ErrErased) {
			t.Errorf("revert: %v", err)
		}
		done, err := history.Revert(s.ctx, s.DB.DB, updated, history.SkipUnknown(), history.DryRun(), history.Force())
		s.ok(err)
		if len(done.Steps) != 1 || !slices.Contains(done.Steps[0].Left, "email") {
			t.Errorf("revert: %+v", done)
		}
		var text, doc strings.Builder
		q := history.Of(s.DB.DB, &ann).With("Homes")
		s.ok(q.Text(s.ctx, &text))
		s.ok(q.JSON(s.ctx, &doc))
		for _, want := range []string{"email: erased → erased", "email: erased\n", "by [erased] (user 42)", "via=erased", "update home 1"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("no %q in\n%s", want, text.String())
			}
		}
		if !strings.Contains(doc.String(), `"hidden":"erased"`) || strings.Contains(doc.String(), "address") {
			t.Errorf("as JSON: %s", doc.String())
		}
		changes, err := history.Diff(s.ctx, s.DB.DB, &ann, history.After(created), time.Now())
		s.ok(err)
		if len(changes) == 0 || strings.Contains(fmt.Sprint(changes), "ann") {
			t.Errorf("diff: %+v", changes)
		}
	})
}

// Some columns of some records, the rest of them left.
func TestEraseColumns(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s, ann := eraseScene(t, g)
		done, err := history.Erase(s.ctx, s.DB.DB, history.EraseOptions{
			Records: []history.Query{history.Of(s.DB.DB, &ann).With("Homes")}, Columns: []string{"members.email", "street"},
		})
		s.ok(err)
		if fmt.Sprint(done.Columns) != "[homes.street members.email]" || done.Records != 5 {
			t.Errorf("%+v", done)
		}
		records, err := history.Of(s.DB.DB, &ann).Find(s.ctx)
		s.ok(err)
		if r := records[1]; fmt.Sprintf("%v %v %v %v", r.After["points"], r.After["email"], r.Actor.Name, r.Metadata) != "3 map[erased:true] Ann Person map[via:meta-of-ann]" {
			t.Errorf("left %+v", r)
		}
		last, err := history.OfTable(s.DB.DB, "homes", 1).Newest().First(s.ctx)
		s.ok(err)
		if last.After["street"] != "of bob" || fmt.Sprint(last.Before, last.Changes) != "map[street:map[erased:true]] [{street map[erased:true] of bob}]" {
			t.Errorf("when it was another's: %+v", last)
		}
	})
}

// Texts and the actor's id go if that is asked for, and a column goes by its old name
// too.
func TestEraseMore(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s, ann := eraseScene(t, g)
		_, err := s.Raw.Exec("ALTER TABLE members RENAME COLUMN email TO mail")
		s.ok(err)
		done, err := history.Erase(s.ctx, s.DB.DB, history.EraseOptions{
			Records: []history.Query{history.OfTable(s.DB.DB, "members", ann.ID).Alias("email", "mail")}, Columns: []string{"mail"}, Texts: true,
			Actors: []audit.Actor{{Name: "Ann Person"}}, ActorIDs: true,
		})
		s.ok(err)
		if fmt.Sprint(done.Columns) != "[actor_id actor_name ip members.email on_behalf_of_id on_behalf_of_name reason session_id user_agent]" {
			t.Errorf("%+v", done)
		}
		records, err := history.OfTable(s.DB.DB, "members", ann.ID).Find(s.ctx)
		s.ok(err)
		r := records[1]
		if r.Actor.ID != history.ErasedText || r.Actor.Type != "user" || r.Reason != history.ErasedText || fmt.Sprint(r.Before["email"]) != "map[erased:true]" || fmt.Sprint(r.After["points"]) != "3" {
			t.Errorf("left %+v", r)
		}
		if r := records[0]; r.Actor.Name != "Grace" || r.IP != "10.0.0.1" {
			t.Errorf("another actor: %+v", r)
		}
	})
}

// It stops with its context, says how far it came, and goes on; on one connection too.
func TestEraseStopsAndGoesOn(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s, ann := eraseScene(t, g, testdb.WithMaxOpen(1))
		ctx, cancel := context.WithCancel(s.ctx)
		defer cancel()
		o := eraseAnn(s, &ann)
		o.Batch, o.Pause = 2, time.Nanosecond
		o.Progress = func(history.Erased) { cancel() }
		done, err := history.Erase(ctx, s.DB.DB, o)
		if !errors.Is(err, context.Canceled) || done.Records == 0 {
			t.Fatalf("%+v, %v", done, err)
		}
		last, err := history.Search(s.DB.DB).Newest().First(s.ctx)
		s.ok(err)
		if last.RecordType != "audit_erase" || last.Outcome != audit.Failure || !strings.Contains(last.Message, "stopped after") {
			t.Errorf("recorded as %+v", last)
		}
		o.Progress = nil
		rest, err := history.Erase(s.ctx, s.DB.DB, o)
		s.ok(err)
		if after := s.dumps(); rest.Records == 0 || strings.Contains(after, "ann@example.test") {
			t.Errorf("%+v", rest)
		}
	})
}

func TestEraseMistakes(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := openShop(t, g)
		tx := s.DB.DB.Begin()
		defer tx.Rollback()
		for name, o := range map[string]history.EraseOptions{
			"nothing":     {},
			"everything":  {Records: []history.Query{history.Search(s.DB.DB)}},
			"short value": {Values: []string{" a "}},
			"the mark":    {Values: []string{"erased"}},
			"nobody":      {Actors: []audit.Actor{{Type: "user"}}},
			"batch":       {Values: []string{"long enough"}, Batch: -1},
			"no table":    {Values: []string{"long enough"}, AlertTables: []string{"nothing_here"}},
			"column":      {Records: []history.Query{history.Of(s.DB.DB, &shopTag{ID: 1})}, Columns: []string{""}},
			"association": {Records: []history.Query{history.Of(s.DB.DB, &shopTag{ID: 1}).With("Nothing")}},
		} {
			if _, err := history.Erase(s.ctx, s.DB.DB, o); !errors.Is(err, history.ErrInvalidQuery) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := history.Erase(s.ctx, tx, history.EraseOptions{Values: []string{"long enough"}}); !errors.Is(err, history.ErrInvalidQuery) {
			t.Errorf("in a transaction: %v", err)
		}
		if done, err := history.Erase(s.ctx, s.DB.DB, history.EraseOptions{Values: []string{"long enough"}}); err != nil || done.Records != 0 {
			t.Errorf("without the tables of alerts and relays: %+v, %v", done, err)
		}
	})
}
