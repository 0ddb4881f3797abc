CREATE TABLE IF NOT EXISTS `audit_logs` (
  `seq` INTEGER PRIMARY KEY AUTOINCREMENT,
  `id` TEXT NOT NULL,
  `occurred_at` DATETIME NOT NULL,
  `action` TEXT NOT NULL,
  `outcome` TEXT NOT NULL,
  `record_type` TEXT NOT NULL,
  `table_name` TEXT NOT NULL,
  `record_id` TEXT NOT NULL,
  `before` TEXT,
  `after` TEXT,
  `changed` TEXT,
  `changes` TEXT,
  `message` TEXT NOT NULL,
  `reason` TEXT NOT NULL,
  `actor_id` TEXT NOT NULL,
  `actor_type` TEXT NOT NULL,
  `actor_name` TEXT NOT NULL,
  `transaction_id` TEXT NOT NULL,
  `request_id` TEXT NOT NULL,
  `ip` TEXT NOT NULL,
  `user_agent` TEXT NOT NULL,
  `trace_id` TEXT NOT NULL,
  `span_id` TEXT NOT NULL,
  `application` TEXT NOT NULL,
  `host` TEXT NOT NULL,
  `metadata` TEXT,
  `source` TEXT,
  `cause` TEXT NOT NULL,
  `schema_version` INTEGER NOT NULL,
  `tenant` TEXT NOT NULL DEFAULT '',
  `session_id` TEXT NOT NULL DEFAULT '',
  `on_behalf_of_id` TEXT NOT NULL DEFAULT '',
  `on_behalf_of_type` TEXT NOT NULL DEFAULT '',
  `on_behalf_of_name` TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX IF NOT EXISTS `idx_audit_logs_id` ON `audit_logs` (`id`);
CREATE INDEX IF NOT EXISTS `idx_audit_logs_record` ON `audit_logs` (`table_name`, `record_id`, `seq`);
CREATE INDEX IF NOT EXISTS `idx_audit_logs_actor` ON `audit_logs` (`actor_id`, `seq`);
CREATE INDEX IF NOT EXISTS `idx_audit_logs_time` ON `audit_logs` (`occurred_at`, `table_name`, `changed`);
CREATE INDEX IF NOT EXISTS `idx_audit_logs_transaction` ON `audit_logs` (`transaction_id`);
CREATE INDEX IF NOT EXISTS `idx_audit_logs_tenant` ON `audit_logs` (`tenant`, `seq`) WHERE `tenant` <> '';
