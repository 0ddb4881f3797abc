package neighbour

import (
	"context"
	"database/sql"
	"errors"
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
