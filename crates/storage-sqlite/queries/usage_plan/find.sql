SELECT place, id, created, version, document FROM usage_plan INDEXED BY usage_plan_id
WHERE account = ?1 AND id = ?2 AND deleted = 0
