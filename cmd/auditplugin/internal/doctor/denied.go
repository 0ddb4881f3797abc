package doctor

import (
	"context"
	"errors"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// lacking is a right that this user would need for a check: "SELECT on audit_alerts".
type lacking string

func (l lacking) Error() string { return "not looked at: this user has no " + string(l) }

// grant says what to do about it.
func (l lacking) grant() string { return "grant " + string(l) + ", or ask as a user who has it" }

// without is err, or, where it says that a right is lacking, which one.
func without(right string, err error) error {
	if denied(err) {
		return lacking(right)
	}
	return err
}

// readable tells what hinders this user from reading a table.
func (e *Exam) readable(ctx context.Context, table string) error {
	var one []int
	return without("SELECT on "+table, e.ask(ctx, &one, "SELECT 1 FROM "+e.DB.Statement.Quote(table)+" LIMIT 1"))
}

// denied reports whether the database refuses for want of a right.
func denied(err error) bool {
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	switch {
	case errors.As(err, &pg):
		return pg.Code == "42501"
	case errors.As(err, &my):
		switch my.Number {
		case 1044, 1142, 1143, 1227, 1370: // a database, a table, a column, a global right, a routine
			return true
		}
	}
	return false
}

// unused says that there is nothing to look at: MySQL and MariaDB show a user what that
// user has a right to, and nothing else.
func (e *Exam) unused() string {
	if e.DB.Name() == "mysql" {
		return "not used, or not to be seen by this user"
	}
	return "not used"
}
