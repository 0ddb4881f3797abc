package sqltext

import "testing"

func TestDefines(t *testing.T) {
	for query, want := range map[string][2]string{
		"ALTER TABLE `audit_logs` ADD `user_id` integer":                       {"", "audit_logs"},
		`ALTER TABLE "audit_logs" ALTER COLUMN "id" TYPE bigint USING 1`:       {"", "audit_logs"},
		`alter table if exists only public."audit_logs" add x int`:             {"public", "audit_logs"},
		`CREATE TABLE "app"."audit_logs" ("id" bigserial)`:                     {"app", "audit_logs"},
		"CREATE TABLE `audit_logs__temp` (`id` integer)":                       {"", "audit_logs__temp"},
		"CREATE UNIQUE INDEX `idx_a` ON `audit_logs`(`id`)":                    {"", "audit_logs"},
		`CREATE INDEX CONCURRENTLY IF NOT EXISTS "idx" ON "audit_logs" ("id")`: {"", "audit_logs"},
		"CREATE TABLE `x` (`a` integer REFERENCES `audit_logs`(`id`))":         {"", "x"},
		"DROP TABLE `audit_logs`":                                              {"", ""},
		"DROP INDEX `idx_audit_logs_x`":                                        {"", ""},
		"SELECT 'ALTER TABLE audit_logs'":                                      {"", ""},
		"CREATE VIEW v AS SELECT 1":                                            {"", ""},
		"":                                                                     {"", ""},
	} {
		if schema, table := Defines(query); schema != want[0] || table != want[1] {
			t.Errorf("%s: %q.%q", query, schema, table)
		}
	}
}
