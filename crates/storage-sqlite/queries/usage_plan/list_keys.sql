-- The outer part has no order of its own: it follows the inner one row by row.
SELECT k.id, k.name, k.enabled, k.customer_id, k.stage_keys, k.labels, k.tags, k.created, k.updated, k.version,
    k.sealed, k.description
FROM (
    SELECT key FROM usage_plan_key INDEXED BY usage_plan_key_age
    WHERE plan = (SELECT place FROM usage_plan INDEXED BY usage_plan_id WHERE account = ?1 AND id = ?5 AND deleted = 0)
        AND (created, key) < (?2, ?3)
    ORDER BY created DESC, key DESC
    LIMIT ?4
) w CROSS JOIN api_key k INDEXED BY api_key_id ON k.account = ?1 AND k.id = w.key
