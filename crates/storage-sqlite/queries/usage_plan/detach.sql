DELETE FROM usage_plan_key
WHERE account = ?1 AND key = ?2
    AND plan = (SELECT place FROM usage_plan INDEXED BY usage_plan_id WHERE account = ?1 AND id = ?3 AND deleted = 0)
