package main

import (
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/history"
)

type question struct {
	name string
	// ask makes the i-th question, each about something else.
	ask func(i int) history.Query
	// slow questions have no index on some databases; they are asked a few times.
	slow bool
}

// pageSize is 50, or as many records as the table has for 10,000 pages and one.
func (w world) pageSize() int { return min(50, w.records/10_001) }

// questions lists what is measured. Parameters are drawn at random, so that what is
// asked for is not what has just been read.
func questions(db *gorm.DB, w world) []question {
	r := rand.New(rand.NewPCG(3, 4))
	all := history.Search(db)
	user := func() *User { return &User{ID: uint(r.IntN(w.rows()/2)*2) + 1} } // odd rows are users
	day := func(q history.Query) history.Query {
		from := begin.AddDate(0, 0, r.IntN(364))
		return q.Since(from).Until(from.AddDate(0, 0, 1))
	}
	page := func(q history.Query, n int) history.Query {
		if n > 1 {
			q = q.After(q.Cursor(audit.Record{Seq: int64(w.records - (n-1)*w.pageSize() + 1)}))
		}
		return q.Limit(w.pageSize())
	}
	// Records are looked up by ids that exist.
	var ids, transactions []string
	for range 50 {
		if rec, err := all.After(all.Cursor(audit.Record{Seq: r.Int64N(int64(w.records))})).Limit(1).First(ctx()); err == nil {
			ids, transactions = append(ids, rec.ID), append(transactions, rec.TransactionID)
		}
	}
	list := []question{
		{name: "one row's trail", ask: func(int) history.Query { return history.Of(db, user()) }},
		{name: "one row's phone, newest first", ask: func(int) history.Query { return history.Of(db, user()).Column("phone").Newest() }},
		{name: "an actor's last 50", ask: func(int) history.Query {
			return all.Actor(itoa(actor(r))).Newest().Limit(50)
		}},
		{name: "changes of a column in a day", ask: func(int) history.Query { return day(all.Model(&User{}).Column("phone")) }},
		{name: "changes of a column, the last 20", ask: func(int) history.Query { return all.Model(&User{}).Column("phone").Newest().Limit(20) }},
		{name: "an hour", ask: func(int) history.Query {
			from := w.at(r.IntN(w.records))
			return all.Since(from).Until(from.Add(time.Hour))
		}},
		{name: "the last 20 of a day long ago", ask: func(int) history.Query {
			from := begin.AddDate(0, 0, r.IntN(90))
			return all.Since(from).Until(from.AddDate(0, 0, 1)).Newest().Limit(20)
		}},
		{name: "a transaction", ask: func(i int) history.Query { return all.Transaction(transactions[i%len(transactions)]) }},
		{name: "a record by id", ask: func(i int) history.Query { return all.ID(ids[i%len(ids)]) }},
		{name: "page 1", ask: func(int) history.Query { return page(all.Newest(), 1) }},
		{name: "page 10,000", ask: func(int) history.Query { return page(all.Newest(), 10_000) }},
		{name: "page 1 of a table's records", ask: func(int) history.Query { return page(all.Model(&User{}).Newest(), 1) }},
		{name: "page 10,000 of a table's records", ask: func(int) history.Query { return page(all.Model(&User{}).Newest(), 10_000) }},
		{name: "all changes of a rare column", ask: func(int) history.Query { return all.Column("tax_id") }},
	}
	list[len(list)-1].slow = true
	return list
}
