package recordschema

import (
	"bytes"
	"context"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
)

const file = "../../../docs/record.schema.json"

type account struct {
	ID        uint
	Phone     string
	Password  string
	Address   map[string]any `gorm:"serializer:json"`
	Score     float64
	Blob      []byte
	DeletedAt gorm.DeletedAt
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(file)
	must(t, err)
	return schema
}

// lines writes records as those that send them elsewhere do, one a line.
func lines(out *bytes.Buffer) func(context.Context, []audit.Record) error {
	return func(_ context.Context, records []audit.Record) error {
		for _, r := range records {
			out.Write(append(emitter.RecordJSON(r), '\n'))
		}
		return nil
	}
}

// validate returns what is wrong with a line.
func validate(t *testing.T, schema *jsonschema.Schema, line []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	must(t, err)
	return schema.Validate(value)
}

// Every line of every kind of record is as the schema says.
func TestLines(t *testing.T) {
	schema := compiled(t)
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		var out bytes.Buffer
		db := g.Open(t, testdb.Before(func(db *gorm.DB) error { return db.AutoMigrate(&account{}) }),
			testdb.WithPlugin(auditplugin.WithApplication("accounts"), auditplugin.WithLifecycleEvents(),
				auditplugin.WithEmitter(emitter.Func(lines(&out)))))
		ctx := audit.WithActor(t.Context(), audit.Actor{ID: "7", Type: "user", Name: "Grace"})
		ctx = audit.WithMetadata(audit.WithReason(ctx, "ticket"), map[string]any{"n": math.Inf(1), "nested": []any{1, "x"}})
		for _, ctx := range []context.Context{t.Context(), ctx} {
			tx := db.WithContext(ctx)
			a := account{Phone: "1", Password: "secret", Address: map[string]any{"city": "Bonn", "n": 1}, Blob: []byte{0xff, 0}}
			must(t, tx.Create(&a).Error)
			must(t, tx.Model(&a).Updates(&account{Phone: "2", Address: map[string]any{"city": "Köln"}}).Error)
			must(t, tx.Delete(&a).Error)
			must(t, tx.Unscoped().Model(&a).Update("deleted_at", nil).Error)
			must(t, tx.Exec("UPDATE accounts SET phone = '3'").Error)
			must(t, tx.WithContext(audit.Skip(ctx, "import")).Model(&a).Update("phone", "4").Error)
			must(t, auditplugin.Event(tx, audit.Record{RecordType: "session", Message: "signed in", Outcome: audit.Failure}))
			must(t, tx.Unscoped().Delete(&a).Error)
		}
		seen := map[string]bool{}
		for line := range bytes.Lines(out.Bytes()) {
			if err := validate(t, schema, line); err != nil {
				t.Errorf("%s%v", line, err)
			}
			for _, action := range []string{"create", "update", "delete", "soft_delete", "restore", "raw", "event"} {
				if bytes.Contains(line, []byte(`"action":"`+action+`"`)) {
					seen[action] = true
				}
			}
		}
		if len(seen) != 7 {
			t.Errorf("the lines have the actions %v, not all seven:\n%s", seen, out.String())
		}
	})
}

// Values that JSON does not have make no line that the schema refuses.
func TestHostileValues(t *testing.T) {
	r := audit.Record{
		ID: "x", Time: time.Date(20000, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3600)), Action: audit.Update, Outcome: audit.Success,
		Before: map[string]any{"a": math.NaN(), "b": "\xff\x00"}, After: map[string]any{"a": make(chan int)},
		Changed: []string{"a"}, Changes: []audit.Change{{Path: "a", From: math.Inf(-1)}}, SchemaVersion: audit.SchemaVersion,
	}
	if err := validate(t, compiled(t), emitter.RecordJSON(r)); err != nil {
		t.Errorf("%s\n%v", emitter.RecordJSON(r), err)
	}
}

// The schema has the fields of a record, all and no others, and refuses what is none.
func TestFields(t *testing.T) {
	schema := compiled(t)
	var fields []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[audit.Record]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, name)
	}
	var documented []string
	for name := range schema.Properties {
		documented = append(documented, name)
	}
	slices.Sort(fields)
	slices.Sort(documented)
	if !slices.Equal(fields, documented) {
		t.Errorf("a record has\n%v, docs/record.schema.json\n%v", fields, documented)
	}
	good := emitter.RecordJSON(audit.Record{ID: "x", Time: time.Now(), Action: audit.Create, Outcome: audit.Success, SchemaVersion: audit.SchemaVersion})
	must(t, validate(t, schema, good))
	for _, bad := range [][2]string{{`"action":"create"`, `"action":"made"`}, {`"id":"x",`, ""}, {`"id":"x"`, `"id":"x","more":1`}, {`Z"`, `+01:00"`}} {
		line := strings.Replace(string(good), bad[0], bad[1], 1)
		if line == string(good) || validate(t, schema, []byte(line)) == nil {
			t.Errorf("the schema takes %s", line)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
