// Package wire counts what goes from the application to a database: statements,
// round trips and bytes.
//
// For servers it listens at the network connection, so that it sees what the driver
// makes of a call. A statement is an Execute or a simple Query message of
// PostgreSQL, or a COM_STMT_EXECUTE or COM_QUERY command of MySQL; BEGIN and COMMIT
// are statements too. A round trip is something sent that something is received
// after: PostgreSQL's Parse, Describe and Sync are one, Bind, Execute and Sync
// another, MySQL's COM_STMT_PREPARE one and COM_STMT_EXECUTE another, while
// COM_STMT_CLOSE has no reply and travels with the next command.
//
// SQLite has no wire. There a driver around SQLite's counts calls: a statement is an
// Exec or Query of a connection or a prepared statement, a Begin, a Commit or a
// Rollback; each is counted as a round trip, as is each Prepare.
package wire
