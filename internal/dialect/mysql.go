package dialect

import (
	"fmt"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

func mysql() *Dialect {
	return &Dialect{
		ReadLock:           " FOR UPDATE",
		LastIDQuery:        "SELECT LAST_INSERT_ID()",
		IncrementQuery:     "SELECT @@auto_increment_increment",
		InTransactionQuery: "SELECT @@in_transaction",
		ZeroCounts:         true,
		PointsReplace:      true,
		PrepareLasts:       true,
		IdentQuote:         '`',
		LockRows:           func(*catalog.Table, string, bool) (string, bool) { return " FOR UPDATE", true },
		ReadAs: func(expr, dbType string) string {
			if dbType == "FLOAT" {
				// As text MySQL gives 6 digits of a FLOAT, in its binary protocol all.
				return expr + "+0e0"
			}
			return expr
		},
		CastTo: mysqlCastTo,
		Means:  mysqlError,
	}
}

// mysqlError knows the numbers of the MySQL error reference.
func mysqlError(err error) Kind {
	switch neighbour.MySQLErrorNumber(err) {
	case 1213: // deadlock
		return Transaction | Lost
	case 1205, 1020, 3572: // lock wait timeout, record changed, lock not available
		return Transaction
	case 1054, 1146, 1142, 1143: // column, table, table or column privilege
		return Stale
	case 1064: // parse error
		return Unparsed
	}
	return 0
}

func mysqlCastTo(c catalog.Column) string {
	switch c.DBType {
	case "DATE":
		return "DATE"
	case "DATETIME", "TIMESTAMP":
		return fmt.Sprintf("DATETIME(%d)", c.Size)
	case "TIME":
		return fmt.Sprintf("TIME(%d)", c.Size)
	case "DECIMAL", "DECIMAL UNSIGNED":
		return fmt.Sprintf("DECIMAL(%d,%d)", c.Size, c.Scale)
	case "BINARY":
		return fmt.Sprintf("BINARY(%d)", max(c.Size, 1))
	}
	return ""
}
