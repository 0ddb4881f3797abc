// Package production holds docs/production.md against the databases: it makes the roles
// of its table on PostgreSQL and MariaDB and lets each do what it is for, asks its
// questions, upgrades, and shuts down in its order.
package production
