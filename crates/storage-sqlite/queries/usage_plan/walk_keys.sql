-- As api_key/walk.sql, among the keys of one plan.
SELECT k.id, k.name, k.enabled, k.customer_id, k.stage_keys, k.labels, k.tags, k.created, k.updated, k.version,
    k.sealed, k.description
FROM (
    SELECT key FROM usage_plan_key INDEXED BY usage_plan_key_age
    WHERE plan = (SELECT place FROM usage_plan INDEXED BY usage_plan_id WHERE account = ?1 AND id = ?8 AND deleted = 0)
        AND (created, key) < (?2, ?3)
    ORDER BY created DESC, key DESC
    LIMIT ?7
) w CROSS JOIN api_key k INDEXED BY api_key_id ON k.account = ?1 AND k.id = w.key
WHERE k.name >= ?5 AND k.name < ?6
LIMIT ?4
