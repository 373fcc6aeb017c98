SELECT id, name, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed, description
FROM api_key INDEXED BY api_key_import
WHERE import = ?1 AND id > ?2 AND account = ?3
ORDER BY id
LIMIT ?4
