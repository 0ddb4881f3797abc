package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/history"
)

func ctx() context.Context { return context.Background() }

func itoa(n int) string { return strconv.Itoa(n) }

// plan is how a database answers a question.
type plan struct {
	index string // the names of the indexes
	text  string
	scans bool // the whole table is read
}

var indexName = regexp.MustCompile(`idx_audit_logs_\w+|audit_logs_pkey|PRIMARY\b|INTEGER PRIMARY KEY`)

// explain asks the database for the plan of what q sends.
func (d *database) explain(ctx context.Context, q history.Query) (plan, error) {
	d.seen.last = wanted
	if _, err := q.Find(ctx); err != nil {
		return plan{}, err
	}
	word := map[string]string{"sqlite": "EXPLAIN QUERY PLAN ", "postgres": "EXPLAIN ", "mysql": "EXPLAIN "}[d.kind]
	rows, err := d.db.WithContext(ctx).Raw(word + d.seen.last).Rows()
	if err != nil {
		return plan{}, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return plan{}, err
	}
	var p plan
	for rows.Next() {
		cells, into := make([]*string, len(columns)), make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return plan{}, err
		}
		line := map[string]string{}
		for i, c := range cells {
			if c != nil {
				line[columns[i]] = *c
			}
		}
		switch d.kind {
		case "sqlite":
			p.add(line["detail"])
			p.scans = p.scans || strings.HasPrefix(line["detail"], "SCAN audit_logs") && !strings.Contains(line["detail"], "INDEX") && !d.ordered()
		case "postgres":
			p.add(line["QUERY PLAN"])
			p.scans = p.scans || strings.Contains(line["QUERY PLAN"], "Seq Scan on audit_logs")
		default:
			text, _ := json.Marshal(line)
			p.text += "    " + string(text) + "\n"
			if line["key"] != "" {
				p.index += " " + line["key"]
			}
			p.scans = p.scans || line["type"] == "ALL"
		}
	}
	if p.index == "" {
		p.index = indexesIn(p.text)
	}
	if p.index == "" && !p.scans {
		p.index = "primary key"
	}
	if p.scans {
		p.index += " (reads the whole table)"
	}
	p.index = strings.TrimSpace(p.index)
	return p, rows.Err()
}

// ordered reports whether the last question wants the records by seq and stops
// early: SQLite then walks the table, which is its own index by seq.
func (d *database) ordered() bool { return strings.Contains(d.seen.last, "LIMIT") }

func (p *plan) add(line string) { p.text += fmt.Sprintln("   ", line) }

func indexesIn(text string) string {
	found := indexName.FindAllString(text, -1)
	slices.Sort(found)
	return strings.Join(slices.Compact(found), ", ")
}
