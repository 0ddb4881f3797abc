package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
)

// User is the model whose rows most records are about.
type User struct {
	ID    uint
	Name  string
	Phone string
	Email string
	City  string
	Plan  string
}

// world is what the records tell: a year of an application in which each row has
// 20 records, spread over the year, so that a trail is never in one place.
type world struct{ records int }

const (
	perRow     = 20
	actors     = 2000
	secondsOf  = 365 * 24 * 3600
	loadAtOnce = 5000
)

var begin = time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC)

func (w world) rows() int { return w.records / perRow }

// at is when the i-th record was written.
func (w world) at(i int) time.Time {
	return begin.Add(time.Duration(float64(i) / float64(w.records) * secondsOf * float64(time.Second)))
}

// table of a row: half of them are users.
func table(row int) string {
	return []string{"users", "orders", "users", "invoices"}[row%4]
}

// actor is drawn such that a few do much: the first one of 2,000 does some 3%.
func actor(r *rand.Rand) int { return int(float64(actors) * r.Float64() * r.Float64()) }

// load writes the records through the emitter, as the plugin would.
func (d *database) load(ctx context.Context, w world) error {
	bound, err := emitter.Table().Bind(d.db)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	transaction := ""
	batch := make([]audit.Record, 0, loadAtOnce)
	for i := range w.records {
		if i%3 == 0 {
			transaction = uuid(r, i)
		}
		batch = append(batch, w.record(r, i, transaction))
		if len(batch) == loadAtOnce || i == w.records-1 {
			if err := bound.Emit(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return d.db.Exec(map[string]string{"sqlite": "ANALYZE", "postgres": "VACUUM ANALYZE audit_logs", "mysql": "ANALYZE TABLE audit_logs"}[d.kind]).Error
}

func (w world) record(r *rand.Rand, i int, transaction string) audit.Record {
	row := i % w.rows()
	name := table(row)
	who := actor(r)
	rec := audit.Record{
		Time: w.at(i), Outcome: audit.Success, // the emitter makes the id
		RecordType: name[:len(name)-1], Table: name, RecordID: fmt.Sprint(row + 1), Reason: fmt.Sprintf("ticket %d", r.IntN(100_000)),
		Actor: audit.Actor{ID: fmt.Sprint(who), Type: "user", Name: fmt.Sprintf("User %d", who)}, TransactionID: transaction,
		RequestID: uuid(r, i), IP: fmt.Sprintf("10.%d.%d.%d", r.IntN(256), r.IntN(256), r.IntN(256)),
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", Application: "shop", Host: "web-1",
		Source: audit.Source{File: "/src/shop/account/update.go", Line: r.IntN(500), Function: "shop/account.Update"}, SchemaVersion: audit.SchemaVersion,
	}
	switch i / w.rows() {
	case 0:
		rec.Action = audit.Create
		rec.After = map[string]any{"id": int64(row + 1), "name": "Ada Lovelace", "phone": phone(r), "email": "ada@example.com", "city": "London", "plan": "free"}
	case perRow - 1:
		rec.Action = audit.Delete
		rec.Before = map[string]any{"id": int64(row + 1), "name": "Ada Lovelace", "phone": phone(r), "email": "ada@example.com", "city": "London", "plan": "free"}
	default:
		rec.Action = audit.Update
		// One update in fifty changes a phone, one in 10,000 the rare column.
		column := []string{"name", "email", "city", "plan"}[r.IntN(4)]
		switch n := r.IntN(10_000); {
		case n == 0:
			column = "tax_id"
		case n%50 == 1:
			column = "phone"
		}
		from, to := phone(r), phone(r)
		rec.Before, rec.After, rec.Changed = map[string]any{column: from}, map[string]any{column: to}, []string{column}
		rec.Changes = []audit.Change{{Path: column, From: from, To: to}}
	}
	return rec
}

// uuid is an id of the length and, like a UUIDv7, the order of a real one.
func uuid(r *rand.Rand, i int) string {
	return fmt.Sprintf("%08x-%04x-7%03x-8%03x-%012x", i, r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
}

func phone(r *rand.Rand) string {
	return "+" + json.Number(fmt.Sprint(10_000_000_000+r.Int64N(1_000_000_000))).String()
}
