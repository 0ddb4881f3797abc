package emitter_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/emitter"
	"github.com/gorm-audit/auditplugin/emitter/emittertest"
)

func pool(t *testing.T, db *gorm.DB) *sql.DB {
	t.Helper()
	p, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// recorder is a connection that counts the statements sent through it.
type recorder struct {
	audit.Conn
	queries []string
	args    []int
	fail    error
}

func (r *recorder) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r.queries = append(r.queries, query)
	r.args = append(r.args, len(args))
	if r.fail != nil {
		return nil, r.fail
	}
	return r.Conn.ExecContext(ctx, query, args...)
}

func TestTableBindErrors(t *testing.T) {
	db := openMemory(t)
	tx := db.Begin()
	_, inTx := emitter.Table().Bind(tx)
	if err := tx.Rollback().Error; err != nil {
		t.Fatal(err)
	}
	_, prepared := emitter.Table().Bind(db.Session(&gorm.Session{PrepareStmt: true}).Begin())
	db = openMemory(t)
	_, missing := emitter.Table(emitter.NoCreate()).Bind(db)
	if err := db.Exec("CREATE TABLE audit_logs (id TEXT, who TEXT)").Error; err != nil {
		t.Fatal(err)
	}
	_, mismatch := emitter.Table().Bind(db)
	_, badName := emitter.Table(emitter.Name("")).Bind(db)
	_, badSchema := emitter.Table(emitter.Name(".x")).Bind(db)
	_, noOther := emitter.Table(emitter.On(nil)).Bind(db)
	_, noDB := emitter.Table().Bind(nil)
	for name, c := range map[string]struct{ err, want error }{
		"in a transaction":          {inTx, emitter.ErrInTransaction},
		"in a prepared transaction": {prepared, emitter.ErrInTransaction},
		"missing":                   {missing, emitter.ErrTableMissing},
		"other columns":             {mismatch, emitter.ErrTableMismatch},
		"empty name":                {badName, emitter.ErrInvalidOption},
		"empty schema":              {badSchema, emitter.ErrInvalidOption},
		"On(nil)":                   {noOther, emitter.ErrInvalidOption},
		"no database":               {noDB, emitter.ErrInvalidOption},
		"not bound":                 {emitter.Table().Emit(t.Context(), nil), emitter.ErrNotBound},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: error is %v, want %v", name, c.err, c.want)
		}
	}
	for _, part := range []string{"with who", "without seq", "without schema_version"} {
		if mismatch != nil && !strings.Contains(mismatch.Error(), part) {
			t.Errorf("error does not say %q: %v", part, mismatch)
		}
	}
}

// Every process of a deployment creates the table when it starts.
func TestTableConcurrentBind(t *testing.T) {
	dsn := "file:" + filepath.Join(t.TempDir(), "app.db") + "?_journal_mode=WAL&_busy_timeout=10000"
	openSQLite(t, dsn, 1) // sets WAL mode, which is not part of the race
	var group sync.WaitGroup
	for range 8 {
		db := openSQLite(t, dsn, 1)
		group.Go(func() {
			if _, err := emitter.Table().Bind(db); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestTableInTransaction(t *testing.T) {
	db := openFile(t)
	e := mustBind(t, emitter.Table(), db).(audit.TxEmitter)
	for _, commit := range []bool{false, true} {
		tx, err := pool(t, db).Begin()
		if err != nil {
			t.Fatal(err)
		}
		if err := e.EmitTx(t.Context(), tx, emittertest.Records("tx", 3)); err != nil {
			t.Fatal(err)
		}
		want := 0
		if commit {
			want, err = 3, tx.Commit()
		} else {
			err = tx.Rollback()
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := len(stored(t, db, "audit_logs")); got != want {
			t.Errorf("commit %v: %d records in the table, want %d", commit, got, want)
		}
	}
}

func TestTableRoundTrip(t *testing.T) {
	db := openFile(t)
	e := mustBind(t, emitter.Table(), db)
	want := emittertest.Records("r", 1)[0]
	if err := e.Emit(t.Context(), []audit.Record{want}); err != nil {
		t.Fatal(err)
	}
	got := stored(t, db, "audit_logs")[0]
	if got.Seq != 1 || !got.Time.Equal(want.Time) || got.Time.Location() != time.UTC {
		t.Errorf("seq %d, time %v; want 1, %v", got.Seq, got.Time, want.Time)
	}
	memory := emitter.Memory()
	if err := memory.Emit(t.Context(), []audit.Record{got}); err != nil {
		t.Fatal(err)
	}
	memory.AssertRecorded(t, emitter.Want{
		Action: want.Action, Outcome: want.Outcome, RecordType: want.RecordType, Table: want.Table,
		RecordID: want.RecordID, ActorID: want.Actor.ID, Reason: want.Reason,
		Before: want.Before, After: want.After, Metadata: want.Metadata,
	})
	if got.ID != want.ID || got.Message != want.Message || got.Actor != want.Actor || got.TransactionID != want.TransactionID ||
		got.RequestID != want.RequestID || got.IP != want.IP || got.UserAgent != want.UserAgent || got.TraceID != want.TraceID ||
		got.SpanID != want.SpanID || got.Application != want.Application || got.Host != want.Host || got.Source != want.Source ||
		got.SchemaVersion != want.SchemaVersion || got.Tenant != want.Tenant || !slices.Equal(got.Changed, want.Changed) || len(got.Changes) != 2 || got.Changes[0] != want.Changes[0] {
		t.Errorf("read back\n%+v\nwant\n%+v", got, want)
	}
}

func TestTableSplitsStatements(t *testing.T) {
	db := openMemory(t)
	e := mustBind(t, emitter.Table(), db).(audit.TxEmitter)
	conn := &recorder{Conn: pool(t, db)}
	if err := e.EmitTx(t.Context(), conn, emittertest.Records("rows", 2500)); err != nil {
		t.Fatal(err)
	}
	// 25 columns that all rows share, and 6 for each of 16 rows, and of the last 4. The
	// cause, which is empty, and the version are in the statement's text.
	if want := append(slices.Repeat([]int{25 + 16*6}, 156), 25+4*6); !slices.Equal(conn.args, want) {
		t.Errorf("statements with %v arguments, want %v", conn.args, want)
	}
	mixed := emittertest.Records("mixed", 7)
	mixed[5].Reason = "another"
	conn = &recorder{Conn: pool(t, db)}
	if err := e.EmitTx(t.Context(), conn, mixed); err != nil {
		t.Fatal(err)
	}
	if want := []int{25 + 4*6, 2 * 31, 31}; !slices.Equal(conn.args, want) {
		t.Errorf("statements with %v arguments, want %v", conn.args, want)
	}
	got := stored(t, db, "audit_logs")
	got = got[len(got)-len(mixed):]
	for i := range mixed {
		if got[i].ID != mixed[i].ID || got[i].Reason != mixed[i].Reason || got[i].RecordID != mixed[i].RecordID || got[i].Actor != mixed[i].Actor || !got[i].Time.Equal(mixed[i].Time) {
			t.Errorf("stored %+v, want %+v", got[i], mixed[i])
		}
	}
	large := emittertest.Records("bytes", 7)
	for i := range large {
		large[i].After["text"] = strings.Repeat("x", 1<<20)
	}
	conn = &recorder{Conn: pool(t, db)}
	if err := e.EmitTx(t.Context(), conn, large); err != nil {
		t.Fatal(err)
	}
	if want := []int{25 + 2*6, 31, 25 + 2*6, 31, 31}; !slices.Equal(conn.args, want) {
		t.Errorf("statements with %v arguments, want %v: at most 4 MiB each", conn.args, want)
	}
	conn = &recorder{Conn: pool(t, db)}
	if err := e.EmitTx(t.Context(), conn, nil); err != nil || len(conn.queries) != 0 {
		t.Errorf("no records: error %v, %d statements", err, len(conn.queries))
	}
}

// An application may change its search path; the table must not move with it.
func TestTableIsQualified(t *testing.T) {
	db := openMemory(t)
	if err := db.Exec("ATTACH ':memory:' AS side").Error; err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"": "`main`.`audit_logs`", "side.trail": "`side`.`trail`"} {
		table := emitter.Table()
		if name != "" {
			table = emitter.Table(emitter.Name(name))
		}
		e := mustBind(t, table, db)
		conn := &recorder{Conn: pool(t, db)}
		if err := e.(audit.TxEmitter).EmitTx(t.Context(), conn, emittertest.Records("q", 1)); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(conn.queries[0], "INSERT OR FAIL INTO "+want+" (") {
			t.Errorf("%q: statement is %.60s", name, conn.queries[0])
		}
		if got := len(stored(t, db, want)); got != 1 {
			t.Errorf("%q: %d records, want 1", name, got)
		}
	}
	bound := mustBind(t, emitter.Table(emitter.Name("side.trail")), db)
	if got := bound.(interface{ AuditTable() string }).AuditTable(); got != "side.trail" {
		t.Errorf("AuditTable is %q, want side.trail", got)
	}
}

func TestTableOnOtherDatabase(t *testing.T) {
	db, other := openMemory(t), openMemory(t)
	e := mustBind(t, emitter.Table(emitter.On(other)), db)
	if _, ok := e.(audit.TxEmitter); ok {
		t.Error("a table in another database is transactional")
	}
	if _, ok := e.(interface{ AuditTable() string }); ok {
		t.Error("a table in another database names a table of this one")
	}
	// The second record fails, as its id is taken: none must remain.
	records := emittertest.Records("o", 2)
	records[1].ID = records[0].ID
	if err := e.Emit(t.Context(), records); err == nil {
		t.Error("two records with one id are no error")
	}
	if got := len(stored(t, other, "audit_logs")); got != 0 {
		t.Errorf("%d records of a failed call remain", got)
	}
	if db.Migrator().HasTable("audit_logs") {
		t.Error("the table was created in the audited database")
	}
}

type driverError struct{ text string }

func (e driverError) Error() string  { return e.text }
func (driverError) SQLState() string { return "22P05" }

// Drivers quote the values they refuse; logs must not get them that way.
func TestTableErrorsQuoteNoValues(t *testing.T) {
	db := openMemory(t)
	e := mustBind(t, emitter.Table(), db).(audit.TxEmitter)
	conn := &recorder{Conn: pool(t, db), fail: driverError{`invalid value "s3cret"`}}
	err := e.EmitTx(t.Context(), conn, emittertest.Records("e", 2))
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Fatalf("error is %v", err)
	}
	if want := "auditplugin: writing 2 records to audit_logs failed (SQLSTATE 22P05)"; err.Error() != want {
		t.Errorf("error is %q, want %q", err, want)
	}
	var inner driverError
	if !errors.As(err, &inner) {
		t.Error("the driver's error is not wrapped")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.EmitTx(ctx, pool(t, db), emittertest.Records("e", 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want context.Canceled", err)
	}
}

// A dialect that is not known gets its table used, not created, with its own
// quotes and placeholders.
func TestTableOtherDialect(t *testing.T) {
	plain := openMemory(t)
	other := *plain
	config := *plain.Config
	config.Dialector = renamed{plain.Dialector}
	other.Config = &config
	if _, err := emitter.Table().Bind(&other); !errors.Is(err, emitter.ErrTableMissing) {
		t.Fatalf("error is %v, want ErrTableMissing", err)
	}
	mustBind(t, emitter.Table(), plain)
	e := mustBind(t, emitter.Table(), &other)
	if err := e.Emit(t.Context(), emittertest.Records("other", 120)); err != nil {
		t.Fatal(err)
	}
	got := stored(t, plain, "audit_logs")
	if len(got) != 120 || got[119].ID != "other-0119" || !got[0].Time.Equal(emittertest.Records("other", 1)[0].Time) {
		t.Errorf("%d records; the first at %v", len(got), got[0].Time)
	}
}

type renamed struct{ gorm.Dialector }

func (renamed) Name() string { return "other" }

func TestStoredTextMatchesTheTable(t *testing.T) {
	db := openMemory(t)
	e := mustBind(t, emitter.Table(), db)
	long := strings.Repeat("k", 300)
	records := emittertest.Records("long", 2)
	records[0].RecordID, records[1].RecordID = long+"1", long+"2"
	if err := e.Emit(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	got := stored(t, db, "audit_logs")
	if got[0].RecordID == got[1].RecordID {
		t.Error("two long keys became one")
	}
	if want := emitter.StoredText("record_id", long+"1"); got[0].RecordID != want || len([]rune(want)) != 255 {
		t.Errorf("record id is %q, StoredText says %q", got[0].RecordID, want)
	}
}
