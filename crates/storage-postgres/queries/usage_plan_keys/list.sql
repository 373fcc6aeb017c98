-- The links of the page, and each one's key looked up (OFFSET 0: api_keys/find_ids.sql).
SELECT key.id, key.name, key.description, key.enabled, key.customer_id, key.stage_keys, key.labels, key.tags, key.created,
       key.updated, key.version, key.sealed
FROM (
    SELECT created, api_key FROM usage_plan_key
    WHERE account + 0 = $1 AND plan = $5 AND (created, api_key) < ($2, $3)
      AND EXISTS (SELECT FROM usage_plan WHERE account = $1 AND id = $5 AND NOT deleted)
    ORDER BY created DESC, api_key DESC
    LIMIT $4
) AS link
JOIN LATERAL (SELECT * FROM api_key WHERE account = $1 AND id = link.api_key OFFSET 0) AS key ON true
ORDER BY link.created DESC, link.api_key DESC
