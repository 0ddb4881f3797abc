package neighbour

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
)

// IsDone asks database/sql whether tx is over without touching its connection: a
// statement of another database is refused before anything is sent.
func IsDone(tx *sql.Tx) bool {
	stmt := tx.StmtContext(context.Background(), &sql.Stmt{}) //nolint:sqlclosecheck // it was refused: there is nothing to close
	_, err := stmt.ExecContext(context.Background())
	return errors.Is(err, sql.ErrTxDone)
}

// Raw calls f with the driver's connection behind conn, unless there is none any more.
// When database/sql closes a bad connection at this very moment, its Raw finds none to
// lock and panics; f is then never called. f must not panic, and tells of its own errors.
func Raw(conn *sql.Conn, f func(dc any)) {
	defer func() { _ = recover() }()
	_ = conn.Raw(func(dc any) error { // a closed connection does not call it
		f(dc)
		// Never an error: Raw closes a bad connection, and would wait for the
		// transaction that it is in.
		return nil
	})
}

// IsClosed asks database/sql whether conn is closed. It waits for what runs on it.
func IsClosed(conn *sql.Conn) (closed bool) {
	defer func() { closed = recover() != nil || closed }() // as in Raw
	return errors.Is(conn.Raw(func(any) error { return nil }), sql.ErrConnDone)
}

// Database tells the *sql.DB that x is, or is a transaction or connection of, from others;
// 0 where it can not be told.
func Database(x any) uintptr {
	v := reflect.ValueOf(x)
	switch x.(type) {
	case *sql.DB:
		return v.Pointer()
	case *sql.Tx, *sql.Conn:
	default:
		return 0
	}
	if v.IsNil() {
		return 0
	}
	db := v.Elem().FieldByName("db")
	if !db.IsValid() || db.Kind() != reflect.Pointer {
		return 0
	}
	return db.Pointer()
}
