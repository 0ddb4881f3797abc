package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// entry is the part of an audit_logs row that the trail shows. The JSON columns
// are read as text, which every database can deliver.
type entry struct {
	Seq        int64
	Action     string
	RecordType string
	RecordID   *string
	Before     *string
	After      *string
	Message    *string
	Reason     *string
	ActorName  *string
}

func lastSeq(db *gorm.DB) (seq int64, err error) {
	err = db.Table("audit_logs").Select("COALESCE(MAX(seq), 0)").Scan(&seq).Error
	return seq, err
}

// printTrail writes what the table holds after the given seq, oldest first.
func printTrail(out io.Writer, db *gorm.DB, after int64) error {
	var entries []entry
	err := db.Table("audit_logs").Where("seq > ?", after).Order("seq").Find(&entries).Error
	if err != nil {
		return err
	}
	for _, e := range entries {
		subject := strings.TrimSpace(e.RecordType + " " + text(e.RecordID))
		fmt.Fprintf(out, "\n%d  %s %s, by %s", e.Seq-after, subject, e.Action, text(e.ActorName))
		if s := text(e.Reason); s != "" {
			fmt.Fprintf(out, ", because: %s", s)
		}
		if s := text(e.Message); s != "" {
			fmt.Fprintf(out, " (%s)", s)
		}
		fmt.Fprintln(out)
		lines, err := differences(text(e.Before), text(e.After))
		if err != nil {
			return fmt.Errorf("audit_logs seq %d: %w", e.Seq, err)
		}
		for _, l := range lines {
			fmt.Fprintln(out, "     "+l)
		}
	}
	fmt.Fprintf(out, "\n%d records\n", len(entries))
	return nil
}

// differences renders two images as one line per column, by name.
func differences(before, after string) ([]string, error) {
	from, err := image(before)
	if err != nil {
		return nil, err
	}
	to, err := image(after)
	if err != nil {
		return nil, err
	}
	columns := maps.Clone(from)
	maps.Copy(columns, to)
	var lines []string
	for _, c := range slices.Sorted(maps.Keys(columns)) {
		switch {
		case before == "":
			lines = append(lines, fmt.Sprintf("%s: %s", c, to[c]))
		case after == "":
			lines = append(lines, fmt.Sprintf("%s: was %s", c, from[c]))
		default:
			lines = append(lines, fmt.Sprintf("%s: %s → %s", c, from[c], to[c]))
		}
	}
	return lines, nil
}

// image decodes a column's JSON object, keeping each value as its JSON text.
func image(document string) (map[string]json.RawMessage, error) {
	columns := map[string]json.RawMessage{}
	if strings.TrimSpace(document) == "" {
		return columns, nil
	}
	return columns, json.Unmarshal([]byte(document), &columns)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
