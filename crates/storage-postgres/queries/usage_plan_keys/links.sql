-- The links of keys, those to deleted plans too. OFFSET 0: api_keys/find_ids.sql.
SELECT given.api_key, link.plan
FROM unnest($2::text[]) AS given (api_key)
JOIN LATERAL (SELECT plan FROM usage_plan_key WHERE account = $1 AND api_key = given.api_key OFFSET 0) AS link ON true
