// Package integration holds the tests that run the plugin against real databases:
// SQLite always, PostgreSQL and MySQL or MariaDB when AUDIT_POSTGRES_DSN and
// AUDIT_MYSQL_DSN name a server on which databases may be created. .ci/with-engine sets
// them for a server of another version.
//
// Every capture test is judged by the oracle package: triggers write down what
// the database really did, and the audit table has to say the same.
package integration
