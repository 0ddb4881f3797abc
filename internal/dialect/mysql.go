package dialect

import (
	"fmt"

	"github.com/gorm-audit/auditplugin/internal/catalog"
	"github.com/gorm-audit/auditplugin/internal/neighbour"
)

func mysql(s catalog.Server) *Dialect {
	d := &Dialect{
		System:           "mysql",
		ReadLock:         " FOR UPDATE",
		LastIDQuery:      "SELECT LAST_INSERT_ID()",
		IncrementQuery:   "SELECT @@auto_increment_increment",
		NamesQuery:       "SELECT DATABASE()",
		ForeignKeysQuery: "SELECT @@foreign_key_checks",
		ErrorsGoUnseen:   true,
		ZeroCountsQuery:  "SELECT FIND_IN_SET('NO_AUTO_VALUE_ON_ZERO', @@sql_mode) = 0",
		MeetsAny:         true,
		CutsSpaces:       true,
		PointsReplace:    true,
		BeginEnds:        true,
		SchemaIsDatabase: true,
		PrepareLasts:     true,
		LockRows:         func(*catalog.Table, string, bool) (string, bool) { return " FOR UPDATE", true },
		CastTo:           mysqlCastTo,
		Means:            mysqlError,
	}
	if s.MariaDB || s.AtLeast(8, 0, 0) {
		d.NamesQuery = "SELECT DATABASE(), CURRENT_ROLE()"
	}
	if s.MariaDB {
		d.System = "mariadb"
		d.InTransactionQuery = "SELECT @@in_transaction"
		return d
	}
	d.PointProbe, d.EndedByQuery = true, mysqlEndedBy
	if s.AtLeast(8, 0, 0) {
		// Its catalog is tables of InnoDB.
		d.CatalogFixesSnapshot, d.BeginAgain = true, "ROLLBACK AND CHAIN"
	}
	return d
}

// mysqlEndedBy asks what MySQL rolled back in a session without autocommit: after the end
// of one transaction it is in the next.
func mysqlEndedBy(err error) string {
	switch neighbour.MySQLErrorNumber(err) {
	case 1213, 1206, 1613, 1614: // deadlock, no room for locks, XA's deadlock and timeout
		return "SELECT @@autocommit = 0"
	case 1205: // lock wait timeout
		return "SELECT @@autocommit = 0 AND @@innodb_rollback_on_timeout"
	}
	return ""
}

// mysqlError knows the numbers of the MySQL error reference.
func mysqlError(err error) Kind {
	switch neighbour.MySQLErrorNumber(err) {
	case 1213, 1205, 1020, 3572, 1206, 1613, 1614, 1317, 1969, 3024:
		// deadlock, lock wait timeout, record changed, lock not available, no room for
		// locks, XA's deadlock and timeout, interrupted, MariaDB's and MySQL's timeouts
		return Transaction
	case 1305:
		return NoPoint
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
