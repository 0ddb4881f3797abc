package integration

import (
	"context"
	"database/sql"
	"testing"

	"github.com/gorm-audit/auditplugin"
	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
	"github.com/gorm-audit/auditplugin/test/integration/testdb"
	"gorm.io/gorm"
)

// inTransaction lets the contract suite call the table emitter as the plugin does.
type inTransaction struct {
	audit.TxEmitter
	db *sql.DB
}

func (e inTransaction) Emit(ctx context.Context, records []audit.Record) error {
	tx, err := e.db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return err
	}
	if err := e.EmitTx(context.WithoutCancel(ctx), tx, records); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

func received(t *testing.T, db *sql.DB) func() []audit.Record {
	return func() []audit.Record {
		t.Helper()
		rows, err := db.Query("SELECT id, record_id, transaction_id FROM audit_logs ORDER BY seq")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		var all []audit.Record
		for rows.Next() {
			var r audit.Record
			var transaction sql.NullString
			if err := rows.Scan(&r.ID, &r.RecordID, &transaction); err != nil {
				t.Fatal(err)
			}
			r.TransactionID = transaction.String
			all = append(all, r)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return all
	}
}

func TestTableEmitterContract(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		emittertest.Run(t, func(t *testing.T) (audit.Emitter, func() []audit.Record) {
			d := g.Open(t, testdb.WithoutPlugin())
			bound, err := emitter.Table().Bind(d.DB)
			if err != nil {
				t.Fatal(err)
			}
			return inTransaction{bound.(audit.TxEmitter), d.Raw}, received(t, d.Raw)
		})
	})
}

func TestTableEmitterElsewhereContract(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		emittertest.Run(t, func(t *testing.T) (audit.Emitter, func() []audit.Record) {
			d := g.Open(t, testdb.WithoutPlugin())
			here := testdb.Target{Dialect: testdb.SQLite}.Open(t, testdb.WithoutPlugin())
			bound, err := emitter.Table(emitter.On(d.DB)).Bind(here.DB)
			if err != nil {
				t.Fatal(err)
			}
			return bound, received(t, d.Raw)
		})
	})
}

// The records of one database kept in another, after the commit.
func TestTableElsewhere(t *testing.T) {
	testdb.EachDialect(t, func(t *testing.T, g testdb.Target) {
		other := testdb.Target{Dialect: testdb.SQLite}.Open(t, testdb.WithoutPlugin())
		d := g.Open(t, testdb.WithoutPlugin())
		if err := d.AutoMigrate(&Setting{}); err != nil {
			t.Fatal(err)
		}
		p := auditplugin.New(auditplugin.WithEmitter(emitter.Table(emitter.On(other.DB))))
		if err := d.Use(p); err != nil {
			t.Fatal(err)
		}
		_ = d.Transaction(func(tx *gorm.DB) error {
			if err := put(tx, "dropped"); err != nil {
				t.Fatal(err)
			}
			return errOnPurpose
		})
		if err := put(d.DB, "kept"); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		got := received(t, other.Raw)()
		if len(got) != 1 || got[0].RecordID != "kept" {
			t.Errorf("the other table holds %+v", got)
		}
		if d.Migrator().HasTable("audit_logs") {
			t.Error("the audit table was made here, too")
		}
	})
}
