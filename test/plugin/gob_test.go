package plugin_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/gob"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"

	"github.com/gorm-audit/auditplugin/history"
)

// packed is a type that stores itself as bytes, in a column that calls itself text.
type packed struct{ Count int }

func (packed) GormDataType() string { return "text" }

func (p packed) Value() (driver.Value, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(p.Count)
	return b.Bytes(), err
}

func (p *packed) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok {
		return errors.New("no bytes")
	}
	return gob.NewDecoder(bytes.NewReader(b)).Decode(&p.Count)
}

type gobbed struct {
	ID         uint
	Serialized map[string]int `gorm:"serializer:gob"`
	Valued     packed
}

// SQLite keeps bytes in whatever column they are sent to: they are bytes in records, too, and
// can be had back.
func TestBytesInAColumnOfTexts(t *testing.T) {
	ctx := context.Background()
	db := openDB(t, &gobbed{})
	use(t, db)
	first := gobbed{ID: 1, Serialized: map[string]int{"a": 1}, Valued: packed{1}}
	must(t, db.Create(&first))
	must(t, db.Save(&gobbed{ID: 1, Serialized: map[string]int{"a": 2}, Valued: packed{2}}))
	records := trail(t, db)
	if len(records) != 2 || !slices.Equal(records[1].Changed, []string{"serialized", "valued"}) {
		t.Fatalf("%+v", records)
	}
	for _, r := range records {
		if text := textOf(t, r); strings.Contains(text, "\uFFFD") || strings.Contains(text, `\ufffd`) {
			t.Errorf("repaired text: %s", text)
		}
	}
	then := gobbed{ID: 1}
	if err := history.AsOf(ctx, db, &then, history.Before(records[1])); err != nil || !reflect.DeepEqual(then, first) {
		t.Errorf("as it was: %+v, %v", then, err)
	}
	if _, err := history.Revert(ctx, db, records[1]); err != nil {
		t.Fatal(err)
	}
	var now gobbed
	if must(t, db.Take(&now, 1)); !reflect.DeepEqual(now, first) {
		t.Errorf("given back: %+v, want %+v", now, first)
	}
}

// Without the model a text of base64 is not taken for what was stored, nor is it said that
// the row has moved on.
func TestRevertOfBytesWithoutTheModel(t *testing.T) {
	name := dsn(t)
	db := openOn(t, sqlite.Open(name), &gobbed{})
	use(t, db)
	must(t, db.Create(&gobbed{ID: 1, Serialized: map[string]int{"a": 1}}))
	must(t, db.Model(&gobbed{ID: 1}).Select("Serialized").Updates(&gobbed{Serialized: map[string]int{"a": 2}}))
	records := trail(t, db)

	other := openOn(t, sqlite.Open(name), &pet{})
	use(t, other)
	_, err := history.Revert(context.Background(), other, records[1], history.Tables("gobbeds"))
	var unknown *history.UnknownError
	if !errors.As(err, &unknown) || !slices.Equal(unknown.Lost, []string{"serialized"}) || errors.Is(err, history.ErrConflict) {
		t.Errorf("%v", err)
	}
}
