CREATE TABLE IF NOT EXISTS "audit_logs" (
  "seq" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
  "on_behalf_of_name" text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX IF NOT EXISTS "idx_audit_logs_id" ON "audit_logs" ("id");
CREATE INDEX IF NOT EXISTS "idx_audit_logs_record" ON "audit_logs" ("table_name", "record_id", "seq");
CREATE INDEX IF NOT EXISTS "idx_audit_logs_actor" ON "audit_logs" ("actor_id", "seq");
CREATE INDEX IF NOT EXISTS "idx_audit_logs_time" ON "audit_logs" ("occurred_at", "table_name");
CREATE INDEX IF NOT EXISTS "idx_audit_logs_transaction" ON "audit_logs" ("transaction_id");
CREATE INDEX IF NOT EXISTS "idx_audit_logs_tenant" ON "audit_logs" ("tenant", "seq") WHERE "tenant" <> '';
CREATE INDEX IF NOT EXISTS "idx_audit_logs_changed" ON "audit_logs" USING gin ("changed" jsonb_path_ops);
