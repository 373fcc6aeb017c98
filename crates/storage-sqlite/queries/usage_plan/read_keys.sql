-- The keys of a list that are there, each with its plans, or once with none.
SELECT j.key, k.created, l.plan
FROM json_each(?2) j
CROSS JOIN api_key k INDEXED BY api_key_id ON k.account = ?1 AND k.id = j.value
LEFT JOIN usage_plan_key l ON l.account = ?1 AND l.key = j.value
