-- As api_key/gather_named.sql, of those that are in the plan.
SELECT k.id, k.name, k.enabled, k.customer_id, k.stage_keys, k.labels, k.tags, k.created, k.updated, k.version,
    k.sealed, k.description
FROM (
    SELECT rowid AS place FROM api_key n INDEXED BY api_key_name
    WHERE n.account = ?1 AND n.name >= ?5 AND n.name < ?6 AND (n.created, n.id) < (?2, ?3)
        AND EXISTS (
            SELECT 1 FROM usage_plan_key l
            WHERE l.account = ?1 AND l.key = n.id
                AND l.plan = (
                    SELECT place FROM usage_plan INDEXED BY usage_plan_id WHERE account = ?1 AND id = ?7 AND deleted = 0
                )
        )
    ORDER BY n.created DESC, n.id DESC
    LIMIT ?4
) w CROSS JOIN api_key k ON k.rowid = w.place
