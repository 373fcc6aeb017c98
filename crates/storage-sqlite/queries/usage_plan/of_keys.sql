SELECT j.key, p.id
FROM json_each(?2) j
CROSS JOIN usage_plan_key l ON l.account = ?1 AND l.key = j.value
CROSS JOIN usage_plan p INDEXED BY usage_plan_place ON p.place = l.plan AND p.deleted = 0
ORDER BY j.key, p.id
