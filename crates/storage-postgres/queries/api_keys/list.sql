SELECT id, name, description, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed
FROM api_key
WHERE account + 0 = $1 AND (created, id) < ($2, $3)
ORDER BY created DESC, id DESC
LIMIT $4
