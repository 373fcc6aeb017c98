-- The plans of keys, deleted ones aside: the key's place among those given, and the plan. OFFSET 0: api_keys/find_ids.sql.
SELECT given.place, link.plan
FROM unnest($2::text[]) WITH ORDINALITY AS given (api_key, place)
JOIN LATERAL (SELECT plan FROM usage_plan_key WHERE account = $1 AND api_key = given.api_key OFFSET 0) AS link ON true
JOIN LATERAL (
    SELECT FROM usage_plan WHERE account = $1 AND id = link.plan AND NOT deleted OFFSET 0
) AS plan ON true
ORDER BY given.place, link.plan
