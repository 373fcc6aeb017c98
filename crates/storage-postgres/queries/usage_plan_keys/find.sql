SELECT id, name, description, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed
FROM api_key
WHERE account = $1 AND id = $2
  AND EXISTS (SELECT FROM usage_plan_key WHERE account = $1 AND api_key = $2 AND plan = $3)
  AND EXISTS (SELECT FROM usage_plan WHERE account = $1 AND id = $3 AND NOT deleted)
