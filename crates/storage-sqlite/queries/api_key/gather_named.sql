-- All keys with the prefix are looked at in the index alone, unless a customer is asked for too. The outer part has
-- no order of its own: it follows the inner one row by row.
SELECT k.id, k.name, k.enabled, k.customer_id, k.stage_keys, k.labels, k.tags, k.created, k.updated, k.version,
    k.sealed, k.description
FROM (
    SELECT rowid AS place FROM api_key INDEXED BY api_key_name
    WHERE account = ?1 AND name >= ?5 AND name < ?6 AND (created, id) < (?2, ?3)
        AND (?7 IS NULL OR customer_id = ?7)
    ORDER BY created DESC, id DESC
    LIMIT ?4
) w CROSS JOIN api_key k ON k.rowid = w.place
