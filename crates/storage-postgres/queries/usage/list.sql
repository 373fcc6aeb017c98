SELECT plan, api_key, day, used, adjustment
FROM usage_day
WHERE account = $1 AND (plan, api_key, day) > ($2, $3, $4)
ORDER BY plan, api_key, day
LIMIT $5
