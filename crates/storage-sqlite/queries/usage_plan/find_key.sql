SELECT k.id, k.name, k.enabled, k.customer_id, k.stage_keys, k.labels, k.tags, k.created, k.updated, k.version,
    k.sealed, k.description
FROM usage_plan p INDEXED BY usage_plan_id
CROSS JOIN usage_plan_key l ON l.account = ?1 AND l.key = ?3 AND l.plan = p.place
CROSS JOIN api_key k INDEXED BY api_key_id ON k.account = ?1 AND k.id = l.key
WHERE p.account = ?1 AND p.id = ?2 AND p.deleted = 0
