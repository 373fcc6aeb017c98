SELECT created, key FROM usage_plan_key INDEXED BY usage_plan_key_age
WHERE plan = (SELECT place FROM usage_plan INDEXED BY usage_plan_id WHERE account = ?1 AND id = ?5 AND deleted = 0)
    AND (created, key) < (?2, ?3)
ORDER BY created DESC, key DESC
LIMIT 1 OFFSET ?4 - 1
