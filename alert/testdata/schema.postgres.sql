CREATE TABLE IF NOT EXISTS "audit_alerts" (
  "id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "rule" text NOT NULL,
  "channel" text NOT NULL,
  "record" text NOT NULL,
  "severity" integer NOT NULL,
  "dedupe" text NOT NULL,
  "bundle" text NOT NULL,
  "title" text NOT NULL,
  "subject" text NOT NULL,
  "body" text NOT NULL,
  "link" text NOT NULL,
  "occurred_at" bigint NOT NULL,
  "created_at" bigint NOT NULL,
  "status" text NOT NULL,
  "due_at" bigint NOT NULL,
  "sent_at" bigint NOT NULL,
  "attempts" integer NOT NULL,
  "error" text NOT NULL,
  "message_id" text NOT NULL,
  "lease_owner" text NOT NULL,
  "lease_until" bigint NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS "idx_audit_alerts_record" ON "audit_alerts" ("record", "rule", "channel");
CREATE INDEX IF NOT EXISTS "idx_audit_alerts_due" ON "audit_alerts" ("status", "channel", "due_at");
CREATE INDEX IF NOT EXISTS "idx_audit_alerts_dedupe" ON "audit_alerts" ("dedupe", "occurred_at");
CREATE INDEX IF NOT EXISTS "idx_audit_alerts_rule" ON "audit_alerts" ("rule", "channel", "due_at");
CREATE INDEX IF NOT EXISTS "idx_audit_alerts_message" ON "audit_alerts" ("message_id");
