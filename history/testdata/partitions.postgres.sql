CREATE TABLE IF NOT EXISTS "audit_logs" (
  "seq" bigint GENERATED ALWAYS AS IDENTITY,
  "id" text NOT NULL,
  "occurred_at" timestamptz(6) NOT NULL,
  "action" text NOT NULL,
  "outcome" text NOT NULL,
  "record_type" text NOT NULL,
  "table_name" text NOT NULL,
  "record_id" text NOT NULL,
  "before" jsonb,
  "after" jsonb,
  "changed" jsonb,
  "changes" jsonb,
  "message" text NOT NULL,
  "reason" text NOT NULL,
  "actor_id" text NOT NULL,
  "actor_type" text NOT NULL,
  "actor_name" text NOT NULL,
  "transaction_id" text NOT NULL,
  "request_id" text NOT NULL,
  "ip" text NOT NULL,
  "user_agent" text NOT NULL,
  "trace_id" text NOT NULL,
  "span_id" text NOT NULL,
  "application" text NOT NULL,
  "host" text NOT NULL,
  "metadata" jsonb,
  "source" jsonb,
  "cause" text NOT NULL,
  "schema_version" INTEGER NOT NULL,
  "tenant" text NOT NULL DEFAULT '',
  "session_id" text NOT NULL DEFAULT '',
  "on_behalf_of_id" text NOT NULL DEFAULT '',
  "on_behalf_of_type" text NOT NULL DEFAULT '',
  "on_behalf_of_name" text NOT NULL DEFAULT '',
  PRIMARY KEY ("seq", "occurred_at")
) PARTITION BY RANGE ("occurred_at");
CREATE UNIQUE INDEX IF NOT EXISTS "idx_audit_logs_id" ON "audit_logs" ("id", "occurred_at");
CREATE INDEX IF NOT EXISTS "idx_audit_logs_record" ON "audit_logs" ("table_name", "record_id", "seq");
CREATE INDEX IF NOT EXISTS "idx_audit_logs_actor" ON "audit_logs" ("actor_id", "seq");
CREATE INDEX IF NOT EXISTS "idx_audit_logs_time" ON "audit_logs" ("occurred_at", "table_name");
CREATE INDEX IF NOT EXISTS "idx_audit_logs_transaction" ON "audit_logs" ("transaction_id");
CREATE INDEX IF NOT EXISTS "idx_audit_logs_tenant" ON "audit_logs" ("tenant", "seq") WHERE "tenant" <> '';
CREATE INDEX IF NOT EXISTS "idx_audit_logs_changed" ON "audit_logs" USING gin ("changed" jsonb_path_ops);
CREATE TABLE IF NOT EXISTS "audit_logs_p202611" PARTITION OF "audit_logs" FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00');
CREATE TABLE IF NOT EXISTS "audit_logs_p202612" PARTITION OF "audit_logs" FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');
CREATE TABLE IF NOT EXISTS "audit_logs_default" PARTITION OF "audit_logs" DEFAULT;

CREATE TABLE IF NOT EXISTS "app"."trail" (
  "seq" bigint GENERATED ALWAYS AS IDENTITY,
  "id" text NOT NULL,
  "occurred_at" timestamptz(6) NOT NULL,
  "action" text NOT NULL,
  "outcome" text NOT NULL,
  "record_type" text NOT NULL,
  "table_name" text NOT NULL,
  "record_id" text NOT NULL,
  "before" jsonb,
  "after" jsonb,
  "changed" jsonb,
  "changes" jsonb,
  "message" text NOT NULL,
  "reason" text NOT NULL,
  "actor_id" text NOT NULL,
  "actor_type" text NOT NULL,
  "actor_name" text NOT NULL,
  "transaction_id" text NOT NULL,
  "request_id" text NOT NULL,
  "ip" text NOT NULL,
  "user_agent" text NOT NULL,
  "trace_id" text NOT NULL,
  "span_id" text NOT NULL,
  "application" text NOT NULL,
  "host" text NOT NULL,
  "metadata" jsonb,
  "source" jsonb,
  "cause" text NOT NULL,
  "schema_version" INTEGER NOT NULL,
  "tenant" text NOT NULL DEFAULT '',
  "session_id" text NOT NULL DEFAULT '',
  "on_behalf_of_id" text NOT NULL DEFAULT '',
  "on_behalf_of_type" text NOT NULL DEFAULT '',
  "on_behalf_of_name" text NOT NULL DEFAULT '',
  PRIMARY KEY ("seq", "occurred_at")
) PARTITION BY RANGE ("occurred_at");
CREATE UNIQUE INDEX IF NOT EXISTS "idx_trail_id" ON "app"."trail" ("id", "occurred_at");
CREATE INDEX IF NOT EXISTS "idx_trail_record" ON "app"."trail" ("table_name", "record_id", "seq");
CREATE INDEX IF NOT EXISTS "idx_trail_actor" ON "app"."trail" ("actor_id", "seq");
CREATE INDEX IF NOT EXISTS "idx_trail_time" ON "app"."trail" ("occurred_at", "table_name");
CREATE INDEX IF NOT EXISTS "idx_trail_transaction" ON "app"."trail" ("transaction_id");
CREATE INDEX IF NOT EXISTS "idx_trail_tenant" ON "app"."trail" ("tenant", "seq") WHERE "tenant" <> '';
CREATE INDEX IF NOT EXISTS "idx_trail_changed" ON "app"."trail" USING gin ("changed" jsonb_path_ops);
CREATE TABLE IF NOT EXISTS "app"."trail_p202611" PARTITION OF "app"."trail" FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00');
CREATE TABLE IF NOT EXISTS "app"."trail_p202612" PARTITION OF "app"."trail" FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');
CREATE TABLE IF NOT EXISTS "app"."trail_default" PARTITION OF "app"."trail" DEFAULT;

