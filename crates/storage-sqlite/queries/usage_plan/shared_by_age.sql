-- A key that two plans have: SQLite merges the two ranges, each in the order of its index, and stops at the first hit.
SELECT created, key FROM usage_plan_key INDEXED BY usage_plan_key_age WHERE plan = ?1
INTERSECT
SELECT created, key FROM usage_plan_key INDEXED BY usage_plan_key_age WHERE plan = ?2
ORDER BY created, key
LIMIT 1
