package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gorm-audit/auditplugin/history"
)

func (e *Exam) asking() history.Option {
	return history.Asking(func(q history.Query) history.Query { return q.AuditTable(e.Table) })
}

// partitions looks whether the next month has one, and whether records went astray.
func partitions(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	all, err := history.Partitions(ctx, e.DB, e.asking())
	if errors.Is(err, history.ErrNotPartitioned) {
		report(OK, "the table is not partitioned", "")
		return nil
	}
	if err != nil {
		return err
	}
	now := e.Now().UTC()
	next := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	there, rest := false, ""
	for _, p := range all {
		there = there || !p.Rest && !p.From.After(next) && p.Until.After(next)
		if p.Rest {
			rest = p.Name
		}
	}
	const do = "auditplugin partitions ensure, daily or so"
	if !there {
		report(Warn, "next month has no partition", do)
		return nil
	}
	var stray []int
	of, query := e.Table, "SELECT 1 FROM "+e.quoted()+" PARTITION ("+e.DB.Statement.Quote(rest)+") LIMIT 1"
	if e.DB.Name() == "postgres" {
		of, query = rest, "SELECT 1 FROM "+e.DB.Statement.Quote(rest)+" LIMIT 1"
	}
	if rest != "" {
		if err := e.ask(ctx, &stray, query); err != nil {
			return without("SELECT on "+of, err)
		}
	}
	if len(stray) > 0 {
		report(Warn, "records went to "+rest+", since their month had no partition", do)
		return nil
	}
	report(OK, fmt.Sprintf("%d of them, next month's is there", len(all)), "")
	return nil
}

// wrapped is the age of a table's oldest transaction at which to worry: PostgreSQL stops
// at 2,147 million.
const wrapped = 1_000_000_000

// relations are those of PostgreSQL that hold the records: a partitioned table itself
// holds none.
const relations = "SELECT to_regclass(?)::oid UNION SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = to_regclass(?)"

func wraparound(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	if e.DB.Name() != "postgres" {
		return nil // others have none
	}
	var age int64
	if err := e.ask(ctx, &age, "SELECT COALESCE(MAX(age(relfrozenxid)), 0) FROM pg_catalog.pg_class WHERE oid IN ("+relations+") AND relfrozenxid <> '0'", e.quoted(), e.quoted()); err != nil {
		return err
	}
	if age > wrapped {
		report(Warn, fmt.Sprintf("the table's oldest transaction is %d transactions old", age), "VACUUM FREEZE "+e.quoted()+", and look why autovacuum does not come to it")
		return nil
	}
	report(OK, fmt.Sprintf("its oldest transaction is %d transactions old", age), "")
	return nil
}

func size(ctx context.Context, e *Exam, report func(Level, string, string)) error {
	var of struct{ First, Last int64 }
	if err := e.ask(ctx, &of, "SELECT COALESCE(MIN(seq), 0) AS first, COALESCE(MAX(seq), 0) AS last FROM "+e.quoted()); err != nil {
		return err
	}
	week, err := e.search().Since(e.Now().AddDate(0, 0, -7)).Count(ctx)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%d records at most, %d a day in the last week", of.Last-of.First+min(1, of.Last), week/7)
	var bytes int64
	if e.DB.Name() != "sqlite" || e.Limit > 0 {
		if bytes, err = e.bytes(ctx); err != nil {
			return err
		}
		text += ", " + sizeText(bytes)
	}
	if e.Limit > 0 {
		return e.limit(ctx, text, bytes, week, report)
	}
	report(OK, text, "")
	return nil
}
