SELECT id, name, description, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed
FROM api_key
WHERE account = $1 AND id = $2
