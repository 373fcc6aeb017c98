-- As walk.sql, among the keys of one customer.
SELECT k.id, k.name, k.enabled, k.customer_id, k.stage_keys, k.labels, k.tags, k.created, k.updated, k.version,
    k.sealed, k.description
FROM (
    SELECT rowid AS place, name FROM api_key INDEXED BY api_key_customer
    WHERE account = ?1 AND (created, id) < (?2, ?3) AND customer_id = ?8
    ORDER BY created DESC, id DESC
    LIMIT ?7
) w CROSS JOIN api_key k ON k.rowid = w.place
WHERE w.name >= ?5 AND w.name < ?6
LIMIT ?4
