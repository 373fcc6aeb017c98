SELECT id, name, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed, description
FROM api_key
WHERE account = ? AND id = ?
