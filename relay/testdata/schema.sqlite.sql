CREATE TABLE IF NOT EXISTS `audit_relay_positions` (
  name TEXT NOT NULL PRIMARY KEY,
  token BIGINT NOT NULL,
  version BIGINT NOT NULL,
  high BIGINT NOT NULL,
  gaps TEXT NOT NULL,
  delivered BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  last_error TEXT NOT NULL,
  last_error_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS `audit_relay_leases` (
  name TEXT NOT NULL PRIMARY KEY,
  holder TEXT NOT NULL,
  token BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS `audit_relay_dead` (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  subscriber TEXT NOT NULL,
  state TEXT NOT NULL,
  seq BIGINT NOT NULL,
  record_id TEXT NOT NULL,
  record TEXT NOT NULL,
  error TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  failed_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS `idx_audit_relay_dead` ON `audit_relay_dead` (subscriber, state, id);

CREATE TABLE IF NOT EXISTS `log`.`p_positions` (
  name TEXT NOT NULL PRIMARY KEY,
  token BIGINT NOT NULL,
  version BIGINT NOT NULL,
  high BIGINT NOT NULL,
  gaps TEXT NOT NULL,
  delivered BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  last_error TEXT NOT NULL,
  last_error_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS `log`.`p_leases` (
  name TEXT NOT NULL PRIMARY KEY,
  holder TEXT NOT NULL,
  token BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS `log`.`p_dead` (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  subscriber TEXT NOT NULL,
  state TEXT NOT NULL,
  seq BIGINT NOT NULL,
  record_id TEXT NOT NULL,
  record TEXT NOT NULL,
  error TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  failed_at BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS `log`.`idx_p_dead` ON `p_dead` (subscriber, state, id);

CREATE VIEW `audit_logs_outbox` AS SELECT `seq`, `id`, `record_type` AS aggregatetype, `record_id` AS aggregateid, `action` AS `type`, `occurred_at` AS `timestamp`,
  json_object('action', `action`, 'before', json(`before`), 'after', json(`after`), 'changed', json(`changed`), 'actor_id', `actor_id`, 'actor_type', `actor_type`, 'actor_name', `actor_name`, 'reason', `reason`, 'transaction_id', `transaction_id`, 'application', `application`) AS payload
FROM `audit_logs`;

CREATE VIEW `log`.`trail_outbox` AS SELECT `seq`, `id`, `record_type` AS aggregatetype, `record_id` AS aggregateid, `action` AS `type`, `occurred_at` AS `timestamp`,
  json_object('action', `action`, 'before', json(`before`), 'after', json(`after`), 'changed', json(`changed`), 'actor_id', `actor_id`, 'actor_type', `actor_type`, 'actor_name', `actor_name`, 'reason', `reason`, 'transaction_id', `transaction_id`, 'application', `application`) AS payload
FROM `log`.`trail`;

