package integration

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Which columns an INSERT has arguments for depends on what is empty, and on what the
// rows share. Whatever that is, and however many such forms there are, every record
// is stored as it is.
func TestTableEmitterStoresEveryForm(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		d := g.Open(t, testdb.WithoutPlugin())
		bound, err := emitter.Table().Bind(d.DB)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		var want []audit.Record
		for batch := range 200 {
			records := make([]audit.Record, 1+random.IntN(1+batch%20))
			common := someRecord(random, fmt.Sprint("c", batch))
			for i := range records {
				records[i] = common
				if random.IntN(4) == 0 {
					records[i] = someRecord(random, fmt.Sprint("r", batch, "-", i))
				}
				records[i].ID = fmt.Sprintf("%04d-%02d", batch, i)
			}
			err := d.DB.Connection(func(tx *gorm.DB) error {
				return bound.(audit.TxEmitter).EmitTx(t.Context(), tx.Statement.ConnPool.(*sql.Conn), records)
			})
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, records...)
		}
		var columns clause.Select
		for _, name := range emitter.Columns() {
			columns.Columns = append(columns.Columns, clause.Column{Name: name})
		}
		rows, err := d.DB.Table("audit_logs").Clauses(columns).Order("seq").Rows()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		n := 0
		for ; rows.Next(); n++ {
			got, err := emitter.ReadRecord(rows)
			if err != nil {
				t.Fatal(err)
			}
			got.Seq = 0
			if g, w := string(emitter.RecordJSON(got)), string(emitter.RecordJSON(want[n])); g != w {
				t.Fatalf("stored\n%s\nwant\n%s", g, w)
			}
		}
		if err := rows.Err(); err != nil || n != len(want) {
			t.Errorf("%d records, want %d; %v", n, len(want), err)
		}
	})
}

// someRecord is a record of which any part may be missing.
func someRecord(random *rand.Rand, name string) audit.Record {
	maybe := func(what string) string {
		if random.IntN(2) == 0 {
			return ""
		}
		return what + ` '"\{},NULL ` + name
	}
	object := func(what string) map[string]any {
		if random.IntN(2) == 0 {
			return nil
		}
		return map[string]any{what: name, "text": `a "quoted\" {word}, '?'`, "none": nil}
	}
	r := audit.Record{
		Time: time.Date(2024, 5, 6, 7, 8, 9, random.IntN(3)*1000, time.UTC), SchemaVersion: audit.SchemaVersion,
		Action: audit.Action(maybe("action")), Outcome: audit.Outcome(maybe("outcome")), RecordType: maybe("type"), Table: maybe("table"), RecordID: maybe("id"),
		Before: object("before"), After: object("after"), Message: maybe("message"), Reason: maybe("reason"),
		Actor:         audit.Actor{ID: maybe("actor"), Type: maybe("kind"), Name: maybe("actor name")},
		TransactionID: maybe("transaction"), RequestID: maybe("request"), IP: maybe("ip"), UserAgent: maybe("agent"), TraceID: maybe("trace"), SpanID: maybe("span"),
		Application: maybe("application"), Host: maybe("host"), Metadata: object("metadata"), Cause: maybe("cause"),
	}
	if random.IntN(2) == 0 {
		r.Source = audit.Source{File: name, Line: 1, Function: "f"}
		r.Changed = []string{"a", name}
	}
	if random.IntN(2) == 0 {
		r.Changes = []audit.Change{{Path: "a", From: nil, To: name}}
	}
	if random.IntN(8) == 0 {
		r.SchemaVersion = 0
	}
	return r
}
