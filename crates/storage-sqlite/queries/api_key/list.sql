SELECT id, name, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed, description
FROM api_key INDEXED BY api_key_age
WHERE account = ?1 AND (created, id) < (?2, ?3)
ORDER BY created DESC, id DESC
LIMIT ?4
