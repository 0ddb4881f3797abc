package companion

import (
	"context"
	"errors"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/gorm-audit/auditplugin/audit"
	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// Variable is where raw SQL says who runs it and why, as JSON.
const Variable = "@auditplugin_context"

// The session variables that triggers look at. MariaDB's matters to nothing but the
// progress reports of ALTER TABLE and LOAD DATA, MySQL's to nothing but which SELECT goes to
// another engine. The server restores them when the statement ends, also by an error.
const (
	mariadbVariable = "progress_report_time"
	mysqlVariable   = "secondary_engine_cost_threshold"
)

// Session is that variable of a server, as an expression.
func Session(s catalog.Server) string {
	if s.MariaDB {
		return "@@session." + mariadbVariable
	}
	return "@@session." + mysqlVariable
}

const setStatement = "SET STATEMENT " + mariadbVariable + "="

// Number is what the variable is for writes to a table: triggers of other tables that the
// same statement reaches see it, too, and must not be silent.
func Number(table string) uint32 { return 1<<31 | crc32.ChecksumIEEE([]byte(table)) }

func mysqlMarks(s catalog.Server) marks {
	m := marks{
		unable:       from(s.Flavor == "" && s.AtLeast(8, 4, 0)),
		mark:         hint,
		probe:        probe,
		oneTable:     true,
		setContext:   "SET " + Variable + " = ?",
		clearContext: "SET " + Variable + " = NULL",
	}
	if s.MariaDB {
		m.unable, m.probe = from(s.AtLeast(10, 7, 0)), nil
		m.mark = func(table, query string) (string, bool) {
			return setStatement + number(table) + " FOR " + query, true
		}
	}
	return m
}

func number(table string) string { return strconv.FormatUint(uint64(Number(table)), 10) }

// hint sets the variable by an optimizer hint, which MySQL takes behind the verb only, and
// of which it takes only the first comment, and in that the first value of a variable.
func hint(table, query string) (string, bool) {
	at := verb(query)
	if at == 0 {
		return query, false
	}
	set := " /*+ SET_VAR(" + mysqlVariable + "=" + number(table) + ") "
	if rest, ok := strings.CutPrefix(strings.TrimLeft(query[at:], spaces), "/*+"); ok {
		return query[:at] + set + rest, true
	}
	return query[:at] + set + "*/" + query[at:], true
}

var errDeaf = errors.New("the server, or what stands before it, does not heed the optimizer hint SET_VAR, by which the triggers know the plugin's statements")

// probe tries whether the hint arrives. Hints that a server does not take are warnings,
// and proxies may leave them out.
func probe(ctx context.Context, conn audit.Conn) error {
	rows, err := conn.QueryContext(ctx, "SELECT /*+ SET_VAR("+mysqlVariable+"="+number("")+") */ @@session."+mysqlVariable)
	if err != nil {
		return errors.Join(errDeaf, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells what went wrong
	var got float64
	for rows.Next() {
		if err := rows.Scan(&got); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil || got == float64(Number("")) {
		return err
	}
	return errDeaf
}

const spaces = " \t\r\n\v\f"

// verb is where the verb of a write ends that the statement begins with, behind comments;
// 0 where it begins otherwise.
func verb(query string) int {
	at := 0
	for {
		rest := strings.TrimLeft(query[at:], spaces)
		at = len(query) - len(rest)
		end := -1
		if strings.HasPrefix(rest, "/*") && !strings.HasPrefix(rest, "/*!") {
			if end = strings.Index(rest[2:], "*/"); end >= 0 {
				end += 4
			}
		}
		if end < 0 {
			break
		}
		at += end
	}
	for _, word := range [...]string{"INSERT", "UPDATE", "DELETE", "REPLACE"} {
		end := at + len(word)
		if len(query) > end && strings.EqualFold(query[at:end], word) && strings.IndexByte(spaces+"/`", query[end]) >= 0 {
			return end
		}
	}
	return 0
}
