// Package rights makes the roles of docs/production.md, with the rights that its table
// grants, on PostgreSQL and MariaDB, and lets each do what it is for.
package rights
