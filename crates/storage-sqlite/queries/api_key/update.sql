UPDATE api_key
SET enabled = ?, updated = ?, version = ?, name = ?, customer_id = ?, stage_keys = ?, labels = ?, tags = ?,
    description = ?
WHERE account = ? AND id = ? AND version = ?;
-- Only where the statement before found the version that was read.
INSERT INTO change (kind, account, id, version) SELECT 1, ?, ?, ? WHERE changes() = 1;
