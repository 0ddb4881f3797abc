package companion

import (
	"errors"
	"hash/crc32"
	"strconv"

	"github.com/gorm-audit/auditplugin/internal/catalog"
)

// Variable is where raw SQL says who runs it and why, as JSON.
const Variable = "@auditplugin_context"

// session is the variable that MariaDB's triggers look at. It matters to nothing but the
// progress reports of ALTER TABLE and LOAD DATA, and the server restores it when the
// statement ends, also by an error.
const session = "progress_report_time"

// Session is that variable, as an expression.
const Session = "@@session." + session

const setStatement = "SET STATEMENT " + session + "="

// Number is what the variable is for writes to a table: triggers of other tables that the
// same statement reaches see it, too, and must not be silent.
func Number(table string) uint32 { return 1<<31 | crc32.ChecksumIEEE([]byte(table)) }

var errMySQL = errors.New("MySQL has nothing by which a trigger could know the plugin's statements for certain; use MariaDB, or leave WithCompanion out")

var mysqlMarks = marks{
	since: func(s catalog.Server) error {
		switch {
		case !s.MariaDB:
			return errMySQL
		case !s.AtLeast(10, 7, 0):
			return errVersion
		}
		return nil
	},
	mark: func(table, query string) string {
		return setStatement + strconv.FormatUint(uint64(Number(table)), 10) + " FOR " + query
	},
	oneTable:     true,
	setContext:   "SET " + Variable + " = ?",
	clearContext: "SET " + Variable + " = NULL",
}
