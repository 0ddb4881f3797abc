package auditplugin_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
)

func columns(m map[string]any) string { return strings.Join(slices.Sorted(maps.Keys(m)), " ") }

func TestWithoutColumns(t *testing.T) {
	db, _, memory := audited(t, auditplugin.WithoutColumns("phone", "pets.name", "users.created_at"))
	u := user{Name: "Ada", Phone: "+12345678901", Pets: []pet{{Name: "Rex"}}}
	must(t, db.Create(&u))
	must(t, db.Model(&u).UpdateColumn("phone", "+19876543210")) // nothing to say
	must(t, db.Model(&u).UpdateColumns(map[string]any{"phone": "1", "name": "Grace"}))
	must(t, db.Model(&u.Pets[0]).UpdateColumn("name", "Rover"))
	must(t, db.Unscoped().Delete(&u))
	wantTrail(t, db, memory, "create user 1", "create pet 1", "update user 1", "delete user 1")
	records := memory.Records()
	for i, want := range []string{"age deleted_at id name updated_at", "id user_id", "name", ""} {
		if got := columns(records[i].After); got != want {
			t.Errorf("record %d: after has %q, want %q", i, got, want)
		}
	}
	if got := columns(records[3].Before); got != "age deleted_at id name updated_at" {
		t.Errorf("the delete's before has %q", got)
	}
	if got := records[2]; len(got.Changed) != 1 || len(got.Changes) != 1 || got.Before["name"] != "Ada" {
		t.Errorf("the update is %+v", got)
	}
}

func TestWithoutTimestampOnly(t *testing.T) {
	for _, without := range []bool{false, true} {
		t.Run(fmt.Sprint(without), func(t *testing.T) {
			var opts []auditplugin.Option
			want := []string{"create user 1", "update user 1", "update user 1"}
			if without {
				opts = append(opts, auditplugin.WithoutTimestampOnly())
				want = want[:2]
			}
			db, _, memory := audited(t, opts...)
			u := user{Name: "Ada"}
			must(t, db.Create(&u))
			must(t, db.Model(&u).Update("name", "Grace"))
			must(t, db.Model(&u).Update("name", "Grace")) // moves updated_at only
			wantTrail(t, db, memory, want...)
			if got := memory.Records()[1].Changed; !slices.Equal(got, []string{"name", "updated_at"}) {
				t.Errorf("changed are %v", got)
			}
		})
	}
}

func TestWithMaxValueBytes(t *testing.T) {
	db, _, memory := audited(t, auditplugin.WithMaxValueBytes(10))
	fits, long := "0123456789", "0123456789a"
	u := user{Name: fits, Phone: long}
	must(t, db.Create(&u))
	must(t, db.Model(&u).UpdateColumns(map[string]any{"name": long, "phone": fits}))
	sum := sha256.Sum256([]byte(long))
	note := map[string]any{"truncated": true, "bytes": 11, "sha256": hex.EncodeToString(sum[:])}
	for where, records := range map[string][]audit.Record{"table": trail(t, db), "announced": memory.Records()} {
		for i, c := range []struct{ what, got, want any }{
			{"created name", records[0].After["name"], fits},
			{"created phone", records[0].After["phone"], note},
			{"name before", records[1].Before["name"], fits},
			{"name after", records[1].After["name"], note},
			{"phone before", records[1].Before["phone"], note},
			{"phone after", records[1].After["phone"], fits},
			{"change from", records[1].Changes[0].From, fits},
			{"change to", records[1].Changes[0].To, note},
		} {
			if fmt.Sprint(c.got) != fmt.Sprint(c.want) {
				t.Errorf("%s, %d: %s is %v, want %v", where, i, c.what, c.got, c.want)
			}
		}
	}
	// The row itself is whole.
	var got user
	must(t, db.First(&got))
	if got.Name != long {
		t.Errorf("the row has %q", got.Name)
	}
}

// Skip leaves one event per statement, whatever the statement's size.
func TestSkip(t *testing.T) {
	db, _, memory := audited(t)
	users := []user{{Name: "Ada"}, {Name: "Bob"}, {Name: "Eve"}}
	skipping := db.WithContext(audit.Skip(t.Context(), "import 7"))
	must(t, skipping.Create(&users))
	must(t, skipping.Model(&user{}).Where("id < 3").Update("age", 36))
	must(t, skipping.Model(&user{}).Where("id > 99").Update("age", 36)) // no rows, no event
	must(t, skipping.Unscoped().Delete(&users[2]))
	must(t, db.Model(&users[0]).UpdateColumn("age", 37))
	wantTrail(t, db, memory, "event user ", "event user ", "event user ", "update user 1")
	for i, want := range []struct {
		action string
		rows   int
	}{{"create", 3}, {"update", 2}, {"delete", 1}} {
		r := memory.Records()[i]
		if r.Reason != "import 7" || r.Metadata["skipped_action"] != want.action || fmt.Sprint(r.Metadata["rows"]) != fmt.Sprint(want.rows) {
			t.Errorf("event %d: reason %q, metadata %v, want %+v", i, r.Reason, r.Metadata, want)
		}
		if len(r.Before)+len(r.After)+len(r.Changes) != 0 {
			t.Errorf("event %d has images: %+v", i, r)
		}
	}
}
