CREATE TABLE IF NOT EXISTS `audit_relay_positions` (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  token BIGINT NOT NULL,
  version BIGINT NOT NULL,
  high BIGINT NOT NULL,
  gaps LONGTEXT NOT NULL,
  delivered BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  last_error LONGTEXT NOT NULL,
  last_error_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS `audit_relay_leases` (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  holder VARCHAR(255) NOT NULL,
  token BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS `audit_relay_dead` (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  subscriber VARCHAR(255) NOT NULL,
  state VARCHAR(255) NOT NULL,
  seq BIGINT NOT NULL,
  record_id VARCHAR(255) NOT NULL,
  record LONGTEXT NOT NULL,
  error LONGTEXT NOT NULL,
  attempts BIGINT NOT NULL,
  failed_at BIGINT NOT NULL,
  KEY `idx_audit_relay_dead` (subscriber, state, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS `log`.`p_positions` (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  token BIGINT NOT NULL,
  version BIGINT NOT NULL,
  high BIGINT NOT NULL,
  gaps LONGTEXT NOT NULL,
  delivered BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  last_error LONGTEXT NOT NULL,
  last_error_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS `log`.`p_leases` (
  name VARCHAR(255) NOT NULL PRIMARY KEY,
  holder VARCHAR(255) NOT NULL,
  token BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
CREATE TABLE IF NOT EXISTS `log`.`p_dead` (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  subscriber VARCHAR(255) NOT NULL,
  state VARCHAR(255) NOT NULL,
  seq BIGINT NOT NULL,
  record_id VARCHAR(255) NOT NULL,
  record LONGTEXT NOT NULL,
  error LONGTEXT NOT NULL,
  attempts BIGINT NOT NULL,
  failed_at BIGINT NOT NULL,
  KEY `idx_p_dead` (subscriber, state, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE VIEW `audit_logs_outbox` AS SELECT `seq`, `id`, `record_type` AS aggregatetype, `record_id` AS aggregateid, `action` AS `type`, `occurred_at` AS `timestamp`,
  JSON_OBJECT('action', `action`, 'before', JSON_EXTRACT(`before`, '$'), 'after', JSON_EXTRACT(`after`, '$'), 'changed', JSON_EXTRACT(`changed`, '$'), 'actor_id', `actor_id`, 'actor_type', `actor_type`, 'actor_name', `actor_name`, 'reason', `reason`, 'transaction_id', `transaction_id`, 'application', `application`) AS payload
FROM `audit_logs`;

CREATE VIEW `log`.`trail_outbox` AS SELECT `seq`, `id`, `record_type` AS aggregatetype, `record_id` AS aggregateid, `action` AS `type`, `occurred_at` AS `timestamp`,
  JSON_OBJECT('action', `action`, 'before', JSON_EXTRACT(`before`, '$'), 'after', JSON_EXTRACT(`after`, '$'), 'changed', JSON_EXTRACT(`changed`, '$'), 'actor_id', `actor_id`, 'actor_type', `actor_type`, 'actor_name', `actor_name`, 'reason', `reason`, 'transaction_id', `transaction_id`, 'application', `application`) AS payload
FROM `log`.`trail`;

