package plugin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
)

// session is a row that only its secret tells from others.
type session struct {
	Token string `gorm:"primaryKey"`
	User  string
}

// grant has a secret beside another key.
type grant struct {
	Token string `gorm:"primaryKey" audit:"mask=4"`
	Scope string `gorm:"primaryKey"`
	Note  string
}

func secretKeys(t *testing.T, opts ...auditplugin.Option) (*gorm.DB, *emitter.MemoryEmitter) {
	t.Helper()
	db := openDB(t, &session{}, &grant{})
	memory := emitter.Memory()
	use(t, db, append([]auditplugin.Option{auditplugin.WithEmitter(emitter.Table(), memory)}, opts...)...)
	return db.WithContext(audit.WithActor(context.Background(), audit.Actor{ID: "1"})), memory
}

// Rows whose key is a secret keep trails of their own, by which nobody can tell the key.
func TestSecretKeysTellRowsApart(t *testing.T) {
	db, memory := secretKeys(t, auditplugin.WithHashKey([]byte(hashKey)))
	ctx := context.Background()
	for _, token := range []string{"first-canary-token", "second-canary-token"} {
		must(t, db.Create(&session{Token: token, User: "ada"}))
		must(t, db.Model(&session{Token: token}).Update("user", "grace"))
		must(t, db.Create(&grant{Token: token, Scope: "read"}))
		must(t, db.Create(&grant{Token: token, Scope: "write"}))
	}
	ids := map[string]int{}
	for _, r := range memory.Records() {
		ids[r.Table+" "+r.RecordID]++
		for _, text := range []string{r.RecordID, textOf(t, r)} {
			if strings.Contains(text, "canary") {
				t.Errorf("a key in clear: %s", text)
			}
		}
	}
	if len(ids) != 6 {
		t.Errorf("rows have these ids: %v", ids)
	}
	for _, token := range []string{"first-canary-token", "second-canary-token"} {
		records, err := history.Of(db, &session{Token: token}).Find(ctx)
		if err != nil || len(records) != 2 {
			t.Errorf("%s: %d records, %v", token, len(records), err)
		}
		if records, err := history.Of(db, &grant{Token: token, Scope: "read"}).Find(ctx); err != nil || len(records) != 1 {
			t.Errorf("%s: %d records of a key of two columns, %v", token, len(records), err)
		}
		was := session{Token: token}
		if err := history.AsOf(ctx, db, &was, history.Before(records[1])); err != nil || was.User != "ada" {
			t.Errorf("as it was: %+v, %v", was, err)
		}
	}
}

// A row that gets another secret for a key is followed.
func TestSecretKeyChanges(t *testing.T) {
	db, memory := secretKeys(t, auditplugin.WithHashKey([]byte(hashKey)))
	must(t, db.Create(&session{Token: "first-canary-token", User: "ada"}))
	must(t, db.Model(&session{}).Where("token = ?", "first-canary-token").Update("token", "second-canary-token"))
	must(t, db.Model(&session{Token: "second-canary-token"}).Update("user", "grace"))
	if r := memory.Records(); r[1].After["token"] != r[2].RecordID {
		t.Errorf("the new key %v is not the later id %s", r[1].After["token"], r[2].RecordID)
	}
}

// Without a hash key rows can not be told apart: that is said, and asking for one is refused.
func TestSecretKeysWithoutAHashKey(t *testing.T) {
	var log bytes.Buffer
	db, memory := secretKeys(t, auditplugin.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	for range 2 {
		must(t, db.Create(&session{Token: strings.Repeat("canary", 3+log.Len()%7), User: "ada"}))
	}
	for _, r := range memory.Records() {
		if r.RecordID != "***" {
			t.Errorf("the id %q", r.RecordID)
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "WithHashKey") || !strings.Contains(log.String(), "table=sessions") {
		t.Errorf("%d warnings: %s", n, log.String())
	}
	if _, err := history.Of(db, &session{Token: "x"}).Find(context.Background()); !errors.Is(err, history.ErrRedacted) || !strings.Contains(err.Error(), "WithHashKey") {
		t.Errorf("asking for one row: %v", err)
	}
}

func textOf(t testing.TB, r audit.Record) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Rows that are recorded as they are found hide what later records of them hide.
func TestBaselineHidesAsRecordsDo(t *testing.T) {
	db := openDB(t, &session{}, &setting{})
	must(t, db.Create(&session{Token: "first-canary-token", User: "ada"}))
	must(t, db.Create(&setting{ID: 1, Key: "smtp.password", Value: "canary"}))
	use(t, db, auditplugin.WithHashKey([]byte(hashKey)))
	ctx := context.Background()
	for _, model := range []any{&session{}, &setting{}} {
		if _, err := history.Baseline(ctx, db, model, history.BaselineOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	must(t, db.Model(&session{Token: "first-canary-token"}).Update("user", "grace"))
	records, err := history.Of(db, &session{Token: "first-canary-token"}).Find(ctx)
	if err != nil || len(records) != 2 || records[0].After["token"] != records[1].RecordID {
		t.Errorf("%d records, %v: %+v", len(records), err, records)
	}
	all := trail(t, db)
	if len(all) < 3 {
		t.Errorf("%d records", len(all))
	}
	for _, r := range all {
		if text := textOf(t, r); strings.Contains(text, "canary") {
			t.Errorf("in clear: %s", text)
		}
	}
}

// Undoing the creation of a secret does not show it.
func TestRevertShowsNoSecretSetting(t *testing.T) {
	db := openDB(t, &setting{})
	use(t, db)
	must(t, db.Create(&setting{ID: 1, Key: "smtp.password", Value: "canary"}))
	done, err := history.Revert(context.Background(), db, trail(t, db)[0])
	if err != nil || len(done.Steps) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if text := fmt.Sprintf("%+v", done.Steps[0].Changes); strings.Contains(text, "canary") || !strings.Contains(text, "***") {
		t.Errorf("%s", text)
	}
}
