CREATE TABLE IF NOT EXISTS `audit_alerts` (
  `id` INTEGER PRIMARY KEY AUTOINCREMENT,
  `rule` TEXT NOT NULL,
  `channel` TEXT NOT NULL,
  `record` TEXT NOT NULL,
  `severity` INTEGER NOT NULL,
  `dedupe` TEXT NOT NULL,
  `bundle` TEXT NOT NULL,
  `title` TEXT NOT NULL,
  `subject` TEXT NOT NULL,
  `body` TEXT NOT NULL,
  `link` TEXT NOT NULL,
  `occurred_at` INTEGER NOT NULL,
  `created_at` INTEGER NOT NULL,
  `status` TEXT NOT NULL,
  `due_at` INTEGER NOT NULL,
  `sent_at` INTEGER NOT NULL,
  `attempts` INTEGER NOT NULL,
  `error` TEXT NOT NULL,
  `message_id` TEXT NOT NULL,
  `lease_owner` TEXT NOT NULL,
  `lease_until` INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS `idx_audit_alerts_record` ON `audit_alerts` (`record`, `rule`, `channel`);
CREATE INDEX IF NOT EXISTS `idx_audit_alerts_due` ON `audit_alerts` (`status`, `channel`, `due_at`);
CREATE INDEX IF NOT EXISTS `idx_audit_alerts_dedupe` ON `audit_alerts` (`dedupe`, `occurred_at`);
CREATE INDEX IF NOT EXISTS `idx_audit_alerts_rule` ON `audit_alerts` (`rule`, `channel`, `due_at`);
CREATE INDEX IF NOT EXISTS `idx_audit_alerts_message` ON `audit_alerts` (`message_id`);
