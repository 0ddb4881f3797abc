//nolint:rowserrcheck // the rows come from helpers and are checked by what reads them
package replay

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	_ "gorm.io/driver/sqlite" // registers the driver "sqlite3"
)

const table = `CREATE TABLE v (id INTEGER PRIMARY KEY, i INT, f REAL, t TEXT, b BLOB, ok BOOLEAN, d DATETIME, n NUMERIC(10,2), x)`

// query has a row for each storage class, for NULL, and for empty values.
const query = `SELECT id, i, f, t, b, ok, d, n, x, i + 1 AS expr FROM v ORDER BY id`

func openSQLite(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	at := time.Date(2024, 2, 29, 23, 59, 58, 123456000, time.UTC)
	for _, args := range [][]any{
		{1, 42, 1.5, "text", []byte{0, 1, 255}, true, at, 12.34, "x"},
		{2, nil, nil, nil, nil, nil, nil, nil, nil},
		{3, 0, 0.0, "", []byte{}, false, "2024-02-29 10:11:12", 0, []byte("raw")},
		{4, -1 << 63, -1e300, "äöü\x00z", []byte("b"), 1, at.In(time.FixedZone("", 7200)), "12", 7},
	} {
		if args[0] == 1 {
			if _, err := db.Exec(table); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Exec(`INSERT INTO v VALUES (?,?,?,?,?,?,?,?,?)`, args...); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func open(t testing.TB, db *sql.DB) *sql.Rows {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func newPlayer(t testing.TB) *Player {
	t.Helper()
	p := NewPlayer()
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func play(t testing.TB, p *Player, s *Set) *sql.Rows {
	t.Helper()
	rows, err := p.Rows(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func read(t testing.TB, db *sql.DB) *Set {
	t.Helper()
	s, err := Read(open(t, db))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scanned is what one Scan gave: a copy of the value, or the error's text.
type scanned struct {
	value any
	err   string
}

// scanAll scans each column of each row into a new destination of the given kind.
func scanAll(t *testing.T, rows *sql.Rows, dest func() any) [][]scanned {
	t.Helper()
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]scanned
	for rows.Next() {
		line := make([]scanned, len(columns))
		for i := range columns {
			all := make([]any, len(columns))
			for j := range all {
				all[j] = new(any)
			}
			d := dest()
			all[i] = d
			if err := rows.Scan(all...); err != nil {
				line[i].err = err.Error()
				continue
			}
			v := reflect.ValueOf(d).Elem().Interface()
			if raw, ok := v.(sql.RawBytes); ok {
				// Valid until the next call only, and Scan holds a lock.
				line[i].value = bytes.Clone(raw)
				break
			}
			line[i].value = v
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestScanEqualsTheOriginal(t *testing.T) {
	db, p := openSQLite(t), newPlayer(t)
	s := read(t, db)
	for name, dest := range map[string]func() any{
		"any":         func() any { return new(any) },
		"NullTime":    func() any { return new(sql.NullTime) },
		"NullString":  func() any { return new(sql.NullString) },
		"time":        func() any { return new(time.Time) },
		"string":      func() any { return new(string) },
		"string ptr":  func() any { return new(*string) },
		"bytes":       func() any { return new([]byte) },
		"int64":       func() any { return new(int64) },
		"float64":     func() any { return new(float64) },
		"bool":        func() any { return new(bool) },
		"NullFloat64": func() any { return new(sql.NullFloat64) },
	} {
		t.Run(name, func(t *testing.T) {
			want := scanAll(t, open(t, db), dest)
			got := scanAll(t, play(t, p, s), dest)
			if len(want) != 4 || !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

func TestRawBytesEqualTheOriginal(t *testing.T) {
	db, p := openSQLite(t), newPlayer(t)
	s := read(t, db)
	collect := func(rows *sql.Rows) (out [][]byte) {
		defer func() { _ = rows.Close() }()
		raw := make([]sql.RawBytes, len(s.Columns))
		dest := make([]any, len(raw))
		for i := range raw {
			dest[i] = &raw[i]
		}
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				t.Fatal(err)
			}
			for _, r := range raw {
				out = append(out, bytes.Clone(r))
			}
		}
		return out
	}
	want, got := collect(open(t, db)), collect(play(t, p, s))
	if len(want) != 4*len(s.Columns) || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestColumnTypesEqualTheOriginal(t *testing.T) {
	db, p := openSQLite(t), newPlayer(t)
	s := read(t, db)
	describe := func(rows *sql.Rows) (out []Column) {
		defer func() { _ = rows.Close() }()
		out, err := readColumns(rows)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	want, got := describe(open(t, db)), describe(play(t, p, s))
	if len(want) != 10 || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	rich := &Set{Columns: []Column{{
		Name: "n", DatabaseType: "NUMERIC", ScanType: reflect.TypeFor[string](), Nullable: true, HasNullable: true,
		Length: 7, HasLength: true, Precision: 10, Scale: 2, HasDecimal: true,
	}}}
	if got := describe(play(t, p, rich)); !reflect.DeepEqual(got, rich.Columns) {
		t.Errorf("got %+v", got)
	}
}

// What a driver gives without database/sql is the same set.
func TestReadDriverEqualsRead(t *testing.T) {
	db := openSQLite(t)
	want := read(t, db)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, unknown := range []int{0, 3, len(want.Columns)} {
		var got *Set
		err := conn.Raw(func(c any) error {
			rows, err := c.(driver.QueryerContext).QueryContext(t.Context(), query, nil)
			if err != nil {
				return err
			}
			got, err = ReadDriver(rows, unknown)
			return err
		})
		if err != nil || !reflect.DeepEqual(got.Rows, want.Rows) {
			t.Errorf("got  %v, %v\nwant %v", got.Rows, err, want.Rows)
		}
		known := len(want.Columns) - unknown
		if !reflect.DeepEqual(got.Columns[:known], want.Columns[:known]) || len(got.Columns) != len(want.Columns) {
			t.Errorf("got  %+v\nwant %+v", got.Columns, want.Columns)
		}
	}
}

func TestErrComesAfterTheLastRow(t *testing.T) {
	p := newPlayer(t)
	broken := errors.New("connection lost")
	s := &Set{Columns: []Column{{Name: "a"}}, Rows: [][]any{{int64(1)}, {int64(2)}}, Err: broken}
	got, err := Read(play(t, p, s))
	if !errors.Is(err, broken) || got == nil || !errors.Is(got.Err, broken) || len(got.Rows) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestRow(t *testing.T) {
	p := newPlayer(t)
	s := &Set{Columns: []Column{{Name: "a"}}, Rows: [][]any{{int64(7)}}}
	var a int
	if err := p.Row(context.Background(), s, nil).Scan(&a); err != nil || a != 7 {
		t.Errorf("got %d, %v", a, err)
	}
	failed := errors.New("write failed")
	if err := p.Row(context.Background(), nil, failed).Scan(&a); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	s.Rows = nil
	if err := p.Row(context.Background(), s, nil).Scan(&a); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("got %v", err)
	}
}

func TestReadOfClosedRows(t *testing.T) {
	db := openSQLite(t)
	rows := open(t, db)
	_ = rows.Close()
	if s, err := Read(rows); err == nil || s != nil {
		t.Errorf("got %v, %v", s, err)
	}
}

func TestReadFreesTheConnection(t *testing.T) {
	db := openSQLite(t)
	read(t, db)
	if n := db.Stats().InUse; n != 0 {
		t.Errorf("%d connections in use", n)
	}
}

func TestContext(t *testing.T) {
	p := newPlayer(t)
	s := &Set{Columns: []Column{{Name: "a"}}, Rows: [][]any{{int64(1)}, {int64(2)}}}
	ctx, cancel := context.WithCancel(context.Background())
	rows, err := p.Rows(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	cancel()
	for rows.Next() {
		t.Log("the context's end is noticed a moment later")
	}
	_ = rows.Close()
	if _, err := p.Rows(ctx, s); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

func TestUnclosedRowsBlockNobody(t *testing.T) {
	p := NewPlayer()
	s := &Set{Columns: []Column{{Name: "a"}}, Rows: [][]any{{int64(1)}, {int64(2)}}}
	left := make([]*sql.Rows, 2*maxIdle)
	for i := range left {
		left[i] = play(t, p, s)
		left[i].Next()
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	var a int
	if last := left[0]; !last.Next() || last.Scan(&a) != nil || a != 2 {
		t.Errorf("rows end with the player: %v", last.Err())
	}
	for _, rows := range left {
		_ = rows.Close()
	}
}

// A statement may be under way when the player is closed.
func TestClosedPlayerPlays(t *testing.T) {
	p := NewPlayer()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	s := &Set{Columns: []Column{{Name: "a"}}, Rows: [][]any{{int64(1)}, {int64(2)}}}
	rows := play(t, p, s)
	defer func() { _ = rows.Close() }()
	sum := 0
	for rows.Next() {
		var a int
		if err := rows.Scan(&a); err != nil {
			t.Fatal(err)
		}
		sum += a
	}
	if err := rows.Err(); err != nil || sum != 3 {
		t.Errorf("the sum is %d, %v", sum, err)
	}
	var a int
	if err := p.Row(context.Background(), s, nil).Scan(&a); err != nil || a != 1 {
		t.Errorf("the row is %d, %v", a, err)
	}
	refused := errors.New("refused")
	if err := p.Row(context.Background(), nil, refused).Scan(&a); !errors.Is(err, refused) {
		t.Errorf("the row's error is %v", err)
	}
}

func TestConcurrentRows(t *testing.T) {
	db, p := openSQLite(t), newPlayer(t)
	s := read(t, db)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 50 {
				rows, err := p.Rows(context.Background(), s)
				if err != nil {
					t.Error(err)
					return
				}
				again, err := Read(rows)
				if err != nil || !reflect.DeepEqual(again.Rows, s.Rows) {
					t.Errorf("%v, %v", again, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestConnectionsOnlyReplay(t *testing.T) {
	p := newPlayer(t)
	if _, err := p.db.Exec("DELETE FROM v"); err == nil {
		t.Error("Exec works")
	}
	if _, err := p.db.Begin(); !errors.Is(err, errOnlyRows) {
		t.Errorf("Begin: %v", err)
	}
	if _, err := p.Rows(context.Background(), nil); !errors.Is(err, errOnlyRows) {
		t.Errorf("no set: %v", err)
	}
	if rows, err := p.db.Query("", 1); err == nil {
		_ = rows.Close()
		t.Error("an argument that is no set works")
	}
}

func BenchmarkRead(b *testing.B) {
	db := openSQLite(b)
	b.ReportAllocs()
	for b.Loop() {
		read(b, db)
	}
}

func BenchmarkRows(b *testing.B) {
	p := newPlayer(b)
	s := read(b, openSQLite(b))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		rows, err := p.Rows(ctx, s)
		if err != nil {
			b.Fatal(err)
		}
		for rows.Next() {
		}
		_ = rows.Close()
	}
}
