package sqltext_test

import (
	"testing"

	"github.com/gorm-audit/auditplugin/internal/sqltext"
)

func TestEffects(t *testing.T) {
	const names, lasts, keys, opaque = sqltext.Names, sqltext.Lasts, sqltext.ForeignKeys, sqltext.Opaque
	for dialect, queries := range map[string]map[string]sqltext.Effect{
		"postgres": {
			"SET LOCAL app.tenant = '7'":                                   0,
			"SET app.search_path TO 'x'":                                   0,
			"set time zone 'UTC'":                                          0,
			"SET LOCAL statement_timeout = '5s'":                           0,
			"SET lock_timeout = 5":                                         0,
			"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY":         0,
			"SELECT set_config('app.tenant', 'search_path', true)":         0,
			"SELECT set_config('app.a', '1', true), set_config('b.c', $1)": 0,
			"SELECT id FROM search_path WHERE role = 'role'":               0,
			"SHOW search_path":                                             0,
			"UPDATE t SET role = 'x'":                                      0,
			"SET LOCAL role = 'reader'":                                    names,
			"SET ROLE reader":                                              names | lasts,
			"set session role to none":                                     names | lasts,
			"SET LOCAL \"search_path\" TO tenant_1":                        names,
			"/* x */ SET search_path = a, b":                               names | lasts,
			"SET SCHEMA 'x'":                                               names | lasts,
			"SET SESSION AUTHORIZATION joe":                                names | lasts,
			"SET LOCAL SESSION AUTHORIZATION joe":                          names,
			"SET LOCAL row_security = off":                                 names,
			"RESET ROLE":                                                   names | lasts,
			"RESET SESSION AUTHORIZATION":                                  names | lasts,
			"RESET ALL":                                                    names | lasts,
			"RESET work_mem":                                               0,
			"DISCARD ALL":                                                  names | lasts,
			"SELECT set_config('search_path', $1, true)":                   names,
			"SELECT Set_Config ($1, $2, false)":                            names | lasts,
			"SELECT pg_catalog.set_config('app.' || x, '1', true)":         names,
			"SET app.a = 1; SET LOCAL ROLE x":                              names,
			"CREATE TEMP TABLE users (id int)":                             names | lasts,
			"CREATE TABLE users (id int)":                                  0,
			"DO $$ BEGIN SET ROLE x; END $$":                               opaque,
			"CALL p()":                                                     opaque,
			"EXECUTE s":                                                    opaque,
		},
		"mysql": {
			"SET @user = 'x'":                              0,
			"SET @foreign_key_checks = 0":                  0,
			"SET NAMES utf8mb4":                            0,
			"SET time_zone = '+00:00', @a = 1":             0,
			"SET DEFAULT ROLE x TO y":                      0,
			"SELECT @role := 'x'":                          0,
			"SET SESSION sql_mode = ''":                    0,
			"SET FOREIGN_KEY_CHECKS=0":                     keys,
			"SET @@session.foreign_key_checks = 1":         keys,
			"SET @a = 1, SESSION `foreign_key_checks` = 0": keys,
			"USE other":                                    names | lasts,
			"SET ROLE reader":                              names | lasts,
			"CALL p()":                                     opaque,
			"BEGIN NOT ATOMIC USE x; END":                  opaque,
		},
		"sqlite": {
			"PRAGMA table_info(users)":       0,
			"PRAGMA foreign_keys = ON":       keys,
			"PRAGMA main.foreign_keys(1)":    keys,
			"PRAGMA writable_schema = 1":     opaque,
			"ATTACH 'x' AS y":                opaque,
			"CREATE TEMP TABLE x (id int)":   names | lasts,
			"SELECT set_config('role', 'x')": 0,
		},
	} {
		for query, want := range queries {
			if got := sqltext.Effects(dialect, query); got != want {
				t.Errorf("%s: %s: effects %b, want %b", dialect, query, got, want)
			}
		}
	}
}
