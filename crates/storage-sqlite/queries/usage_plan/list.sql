SELECT place, id, created, version, document
FROM usage_plan INDEXED BY usage_plan_age
WHERE account = ?1 AND (created, id) < (?2, ?3) AND deleted = 0
ORDER BY created DESC, id DESC
LIMIT ?4
