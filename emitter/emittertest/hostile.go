package emittertest

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
)

// HostileValues returns values that have broken emitters, by name. Each call
// makes new ones.
func HostileValues() map[string]any {
	deep := any("bottom")
	for range 200 {
		deep = map[string]any{"down": []any{deep}}
	}
	cycle := map[string]any{}
	cycle["self"] = cycle
	cycle["list"] = []any{cycle, cycle}
	branches := any("leaf")
	for range 60 { // written out, 2 to the power of 60 leaves
		branches = []any{branches, branches}
	}
	return map[string]any{
		"invalid_utf8":   "a\xff\xfeb\xed\xa0\x80c",
		"nul":            "a\x00b",
		"lines":          "one\ntwo\r\nthree\u2028four\u0085five\x1b[31m",
		"forged":         "x\",\"log.level\":\"debug\"}\n{\"message\":\"forged\"}",
		"quotes":         `'"\{},NULL;--` + "`",
		"mebibyte":       strings.Repeat("x", 1<<20),
		"nan":            math.NaN(),
		"infinity":       math.Inf(-1),
		"bytes":          []byte{0, 0xff, '"', '\\'},
		"number_huge":    json.Number("1e999999"),
		"number_tiny":    json.Number("1e-999999"),
		"number_long":    json.Number(strings.Repeat("9", 5000)),
		"number_bad":     json.Number("nonsense"),
		"raw_nul":        json.RawMessage(`{"a":"\u0000","b":"\ud800"}`),
		"raw_bad":        json.RawMessage(`{`),
		"time_far":       time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC),
		"time_zero":      time.Time{},
		"deep":           deep,
		"cycle":          cycle,
		"branches":       branches,
		"channel":        make(chan int),
		"function":       func() {},
		"error":          errors.New("failed"),
		"panics":         panics{},
		"nil_pointer":    (*audit.Record)(nil),
		"key\x00\xff\"'": "odd key",
		"":               "empty key",
	}
}

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("MarshalJSON panicked") }

// HostileRecords returns, by name, records that hold each of [HostileValues] in
// their images, changes and metadata, and records with hostile texts in every
// other field. Their ids are "hostile-" and their names.
func HostileRecords() map[string]audit.Record {
	all := make(map[string]audit.Record)
	for name, v := range HostileValues() {
		r := Records("hostile", 1)[0]
		r.Before = map[string]any{"v": v, name: v}
		r.After = map[string]any{name: "after"}
		r.Changed = []string{name}
		r.Changes = []audit.Change{{Path: name, From: v, To: v}}
		r.Metadata = map[string]any{name: v}
		all["value "+name] = r
	}
	for name, text := range map[string]string{
		"invalid_utf8": "\xff\xc0\x80", "nul": "\x00", "lines": "a\nb\r\u2028c", "quotes": "'\"\\`",
		"long": strings.Repeat("æ\U0001F600", 50<<10), "long_invalid": strings.Repeat("\xff", 100<<10),
	} {
		r := Records("hostile", 1)[0]
		for _, field := range []*string{
			(*string)(&r.Action), (*string)(&r.Outcome), &r.Message, &r.RecordType, &r.Table,
			&r.RecordID, &r.Reason, &r.Actor.ID, &r.Actor.Type, &r.Actor.Name, &r.TransactionID, &r.RequestID, &r.IP,
			&r.UserAgent, &r.TraceID, &r.SpanID, &r.Application, &r.Host, &r.Source.File, &r.Source.Function, &r.Cause,
		} {
			*field = text
		}
		r.Source.Line, r.SchemaVersion = -1, math.MaxInt
		all["text "+name] = r
	}
	zero := audit.Record{}
	all["zero"] = zero
	for name, r := range all {
		r.ID = "hostile-" + strings.ToValidUTF8(strings.ReplaceAll(name, "\x00", ""), "")
		all[name] = r
	}
	return all
}

func testHostile(t *testing.T, newEmitter New) {
	records := HostileRecords()
	s := start(t, newEmitter)
	var sent []audit.Record
	for _, name := range slices.Sorted(maps.Keys(records)) {
		r := records[name]
		if err := emitWithin(s, []audit.Record{r}); err != nil {
			t.Errorf("%s: Emit: %v", name, err)
			continue
		}
		sent = append(sent, r)
	}
	s.wantInOrder(sent)
}

// emitWithin fails the test if Emit does not return: a value that contains
// itself would otherwise hang it, or fill the memory.
func emitWithin(s *subject, records []audit.Record) error {
	s.Helper()
	done := make(chan error, 1)
	go func() { done <- s.emitter.Emit(s.Context(), records) }()
	select {
	case err := <-done:
		return err
	case <-time.After(endurance):
		s.Fatalf("Emit of %q did not return", records[0].ID)
		return nil
	}
}
