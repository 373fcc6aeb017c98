-- Not more than the bound.
SELECT count(*) FROM (SELECT 1 FROM usage_plan_key INDEXED BY usage_plan_key_age WHERE plan = ?1 LIMIT ?2)
