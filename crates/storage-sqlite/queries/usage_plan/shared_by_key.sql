-- A key of one plan that is in one of several others: each key's own plans are looked at.
SELECT l.key, o.plan
FROM usage_plan_key l INDEXED BY usage_plan_key_age CROSS JOIN usage_plan_key o NOT INDEXED
WHERE l.plan = ?1 AND o.account = l.account AND o.key = l.key AND +o.plan IN (SELECT value FROM json_each(?2))
LIMIT 1
