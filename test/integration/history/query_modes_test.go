package history_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/history"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/plugin/dbresolver"
)

// The ways in which GORM can be set up. Each asks outside a transaction, then
// inside one for records that are not written yet, over a single connection.
func TestQueryModes(t *testing.T) {
	resolver := func(db *gorm.DB) error {
		return db.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{db.Dialector}}))
	}
	modes := map[string][]testdb.Option{
		"plain":      {testdb.WithMaxOpen(1)},
		"prepared":   {testdb.WithMaxOpen(1), testdb.WithGORM(func(c *gorm.Config) { c.PrepareStmt = true })},
		"unwrapped":  {testdb.WithMaxOpen(1), testdb.WithPlugin(auditplugin.WithUnwrappedPool())},
		"dbresolver": {testdb.Before(resolver)},
		"odd name":   {testdb.WithPlugin(auditplugin.WithEmitter(emitter.Table(emitter.Name("who did what"))))},
	}
	for name, options := range modes {
		t.Run(name, func(t *testing.T) {
			testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
				s := open(t, g, options...)
				row := s.numbered(3)
				s.matches("outside", history.Of(s.DB.DB, &row).Newest().Limit(9), "m3", "m2", "m1", "m0")
				var before int64
				s.ok(s.DB.Table(auditTable(g, name)).Count(&before).Error)
				s.ok(s.DB.Transaction(func(tx *gorm.DB) error {
					if err := tx.WithContext(said(s.ctx, "inside")).Model(&row).Update("note", "inside").Error; err != nil {
						return err
					}
					in := scene{t, &testdb.DB{DB: tx}, s.ctx}
					in.matches("inside", history.Of(tx, &row).Newest().Column("note").Action(audit.Update), "inside", "m3", "m2", "m1")
					for r, err := range history.Of(tx, &row).Newest().Limit(1).All(s.ctx) {
						if err != nil || r.Message != "inside" {
							t.Errorf("streamed %q, %v", r.Message, err)
						}
						// The loop's body may use the transaction.
						in.matches("nested", history.Search(tx).ID(r.ID), "inside")
					}
					// The question leaves nothing behind in the handle.
					var rows []placed
					return tx.Where("number = ?", 7).Find(&rows).Error
				}))
				var after int64
				s.ok(s.DB.Table(auditTable(g, name)).Count(&after).Error)
				if after != before+1 {
					t.Errorf("asking left %d records behind", after-before-1)
				}
				s.matches("after", history.Of(s.DB.DB, &row).Newest().To("note", "inside"), "inside")
			})
		})
	}
}

func auditTable(g testdb.Target, mode string) string {
	switch {
	case mode != "odd name":
		return "audit_logs"
	case g.Dialect == testdb.MySQL:
		return "`who did what`"
	}
	return `"who did what"`
}

// Records in another database are found by what the audited one knows.
func TestQueryOtherDatabase(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		kept := g.Open(t, testdb.WithoutPlugin())
		s := open(t, g, testdb.WithPlugin(auditplugin.WithEmitter(emitter.Table(emitter.On(kept.DB), emitter.Name("remote")))))
		row := hashedKey{Email: "a@b.c"}
		s.write(said(s.ctx, "created"), func(db *gorm.DB) *gorm.DB { return db.Create(&row) })
		s.matches("there", history.Of(s.DB.DB, &row).In(kept.DB).AuditTable("remote"), "created")
		if _, err := history.Of(s.DB.DB, &row).In(kept.DB).Find(s.ctx); err == nil {
			t.Error("a table that is not there was found")
		}
	})
}

// The filters that compare a column of the audit table.
func TestQueryFilters(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := open(t, g)
		row := placed{Region: "north", Number: 7}
		by := func(id, kind, reason, request, message string) context.Context {
			ctx := audit.WithActor(said(s.ctx, message), audit.Actor{ID: id, Type: kind})
			return audit.WithRequest(audit.WithReason(ctx, reason), audit.Request{ID: request})
		}
		s.write(by("7", "user", "Ticket 100%", "r1", "a"), func(db *gorm.DB) *gorm.DB { return db.Create(&row) })
		start := time.Now()
		s.ok(s.DB.WithContext(by("7", "service", "TICKET 1000", "r2", "b")).Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&row).Update("note", "1").Error; err != nil {
				return err
			}
			return tx.Create(&language{Code: "en"}).Error
		}))
		s.write(by("8", "user", "a_b!", "r1", "c"), func(db *gorm.DB) *gorm.DB { return db.Model(&row).Update("note", "2") })
		s.write(by(strings.Repeat("9", 400), "user", "axb", "r3", "d"), func(db *gorm.DB) *gorm.DB { return db.Delete(&row) })

		q := history.Search(s.DB.DB)
		s.matches("action", q.Action(audit.Create), "a", "b")
		s.matches("actions", q.Action(audit.Create, audit.Delete), "a", "b", "d")
		s.matches("type", q.Type("language"), "b")
		s.matches("types", q.Type("language", "placed").Actor("7"), "a", "b", "b")
		s.matches("actor", q.Actor("7", "8"), "a", "b", "b", "c")
		s.matches("long actor", q.Actor(strings.Repeat("9", 400)), "d")
		s.matches("actor of a type", q.Actor("7").ActorType("service"), "b", "b")
		s.matches("request", q.Request("r1"), "a", "c")
		s.matches("reason", q.Reason("ticket 1"), "a", "b", "b")
		s.matches("reason, percent", q.Reason("0%"), "a")
		s.matches("reason, underscore", q.Reason("a_b"), "c")
		s.matches("reason, escape", q.Reason("b!"), "c")
		all, err := q.Find(s.ctx)
		s.ok(err)
		s.matches("transaction", q.Transaction(all[1].TransactionID), "b", "b")
		s.matches("id", q.ID(all[0].ID, all[4].ID), "a", "d")
		s.matches("cause", q.Cause(all[0].ID))
		s.write(audit.WithCause(by("7", "user", "", "", "e"), all[0].ID), func(db *gorm.DB) *gorm.DB { return db.Create(&placed{Region: "x", Number: 1}) })
		s.matches("cause", q.Cause(all[0].ID), "e")
		s.matches("since", q.Since(start), "b", "b", "c", "d", "e")
		s.matches("until", q.Until(start), "a")
		s.matches("since a record", q.Since(all[3].Time).Until(all[4].Time), "c")
		s.matches("zone", q.Since(start.In(time.FixedZone("x", 9*3600))).Until(start.In(time.FixedZone("y", -9*3600))))
		s.matches("scope", q.Scopes(func(db *gorm.DB) *gorm.DB { return db.Where("actor_id = ? OR actor_id = ?", "7", "8") }).Action(audit.Update), "b", "c")
		s.matches("clause", q.Scopes(func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.Neq{Column: "actor_id", Value: "7"})
		}), "c", "d")
		var counts []struct {
			ActorID string
			N       int
		}
		s.ok(q.Action(audit.Update).DB(s.ctx).Select("actor_id, count(*) AS n").Group("actor_id").Order("actor_id").Scan(&counts).Error)
		if len(counts) != 2 || counts[0].ActorID != "7" || counts[1].N != 1 {
			t.Errorf("grouped: %+v", counts)
		}
		text := s.DB.ToSQL(func(*gorm.DB) *gorm.DB {
			return q.In(s.DB.Session(&gorm.Session{DryRun: true})).Actor("7").DB(s.ctx).Find(&[]map[string]any{})
		})
		if !strings.Contains(text, "actor_id") {
			t.Errorf("dry run: %s", text)
		}
		if records, err := history.Search(s.DB.Session(&gorm.Session{DryRun: true})).Find(s.ctx); err != nil || len(records) != 0 {
			t.Errorf("dry run: %d records, %v", len(records), err)
		}
		ended, cancel := context.WithCancel(s.ctx)
		cancel()
		if _, err := q.Find(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("ended context: %v", err)
		}
	})
}

// Pages and streams go through everything once, in order.
func TestQueryPages(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		s := open(t, g)
		s.numbered(23)
		for _, newest := range []bool{false, true} {
			q := history.Search(s.DB.DB)
			if newest {
				q = q.Newest()
			}
			var want []string
			for i := range 24 {
				if newest {
					i = 23 - i
				}
				want = append(want, fmt.Sprint("m", i))
			}
			var paged, streamed []string
			cursor := ""
			for pages := 1; ; pages++ {
				records, next, err := q.Limit(8).After(cursor).Page(s.ctx)
				s.ok(err)
				paged = append(paged, messages(records)...)
				if cursor = next; next == "" {
					if pages != 3 {
						t.Errorf("%d pages", pages)
					}
					break
				}
			}
			for r, err := range q.All(s.ctx) {
				s.ok(err)
				streamed = append(streamed, r.Message)
			}
			if fmt.Sprint(paged) != fmt.Sprint(want) || fmt.Sprint(streamed) != fmt.Sprint(want) {
				t.Errorf("newest %v: paged %v, streamed %v", newest, paged, streamed)
			}
		}
	})
}

// Times are read and compared in UTC whatever the driver is told.
func TestQueryTimeZone(t *testing.T) {
	testdb.Only(t, testdb.MySQL, func(t *testing.T, g testdb.Target) {
		s := open(t, g)
		start := time.Now().UTC().Truncate(time.Microsecond)
		row := s.numbered(0)
		config, err := driver.ParseDSN(s.DSN)
		s.ok(err)
		for _, zone := range []string{"UTC", "Asia/Tokyo", "America/New_York"} {
			for _, parse := range []bool{true, false} {
				if config.Loc, err = time.LoadLocation(zone); err != nil {
					t.Skipf("no time zones: %v", err)
				}
				config.ParseTime = parse
				other := scene{t, g.Open(t, testdb.In(config.FormatDSN())), s.ctx}
				q := history.Of(other.DB.DB, &row)
				other.matches("window in "+zone, q.Since(start).Until(time.Now()), "m0")
				r, err := q.First(s.ctx)
				if err != nil || r.Time.Before(start) || r.Time.After(time.Now()) {
					t.Errorf("%s: read %v, %v, written after %v", zone, r.Time, err, start)
				}
			}
		}
	})
}
