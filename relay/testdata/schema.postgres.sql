CREATE TABLE IF NOT EXISTS "audit_relay_positions" (
  name text NOT NULL PRIMARY KEY,
  token BIGINT NOT NULL,
  version BIGINT NOT NULL,
  high BIGINT NOT NULL,
  gaps text NOT NULL,
  delivered BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  last_error text NOT NULL,
  last_error_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS "audit_relay_leases" (
  name text NOT NULL PRIMARY KEY,
  holder text NOT NULL,
  token BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS "audit_relay_dead" (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subscriber text NOT NULL,
  state text NOT NULL,
  seq BIGINT NOT NULL,
  record_id text NOT NULL,
  record text NOT NULL,
  error text NOT NULL,
  attempts BIGINT NOT NULL,
  failed_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS "idx_audit_relay_dead" ON "audit_relay_dead" (subscriber, state, id);

CREATE TABLE IF NOT EXISTS "log"."p_positions" (
  name text NOT NULL PRIMARY KEY,
  token BIGINT NOT NULL,
  version BIGINT NOT NULL,
  high BIGINT NOT NULL,
  gaps text NOT NULL,
  delivered BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  last_error text NOT NULL,
  last_error_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS "log"."p_leases" (
  name text NOT NULL PRIMARY KEY,
  holder text NOT NULL,
  token BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS "log"."p_dead" (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subscriber text NOT NULL,
  state text NOT NULL,
  seq BIGINT NOT NULL,
  record_id text NOT NULL,
  record text NOT NULL,
  error text NOT NULL,
  attempts BIGINT NOT NULL,
  failed_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS "idx_p_dead" ON "log"."p_dead" (subscriber, state, id);

CREATE VIEW "audit_logs_outbox" AS SELECT "seq", "id", "record_type" AS aggregatetype, "record_id" AS aggregateid, "action" AS "type", "occurred_at" AS "timestamp",
  jsonb_build_object('action', "action", 'before', "before", 'after', "after", 'changed', "changed", 'actor_id', "actor_id", 'actor_type', "actor_type", 'actor_name', "actor_name", 'reason', "reason", 'transaction_id', "transaction_id", 'application', "application") AS payload
FROM "audit_logs";

CREATE VIEW "log"."trail_outbox" AS SELECT "seq", "id", "record_type" AS aggregatetype, "record_id" AS aggregateid, "action" AS "type", "occurred_at" AS "timestamp",
  jsonb_build_object('action', "action", 'before', "before", 'after', "after", 'changed', "changed", 'actor_id', "actor_id", 'actor_type', "actor_type", 'actor_name', "actor_name", 'reason', "reason", 'transaction_id', "transaction_id", 'application', "application") AS payload
FROM "log"."trail";

