-- A plan's keys, newest first, at most $6, of which those with the name prefix $5 are wanted.
-- In one statement, so that both belong to one moment: the page, and, where it is not full, the last key looked at.
WITH page AS MATERIALIZED (
    SELECT key.*
    FROM (
        SELECT created, api_key FROM usage_plan_key
        WHERE account + 0 = $1 AND plan = $7 AND (created, api_key) < ($2, $3)
          AND EXISTS (SELECT FROM usage_plan WHERE account = $1 AND id = $7 AND NOT deleted)
        ORDER BY created DESC, api_key DESC
        LIMIT $6
    ) AS link
    JOIN LATERAL (SELECT * FROM api_key WHERE account = $1 AND id = link.api_key OFFSET 0) AS key ON true
    WHERE starts_with(key.name, $5)
    ORDER BY link.created DESC, link.api_key DESC
    LIMIT $4
)
SELECT id, name, description, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed, true AS wanted
FROM page
UNION ALL
SELECT key.id, key.name, key.description, key.enabled, key.customer_id, key.stage_keys, key.labels, key.tags, key.created,
       key.updated, key.version, key.sealed, false
FROM (
    SELECT created, api_key FROM usage_plan_key
    WHERE account + 0 = $1 AND plan = $7 AND (created, api_key) < ($2, $3)
      AND EXISTS (SELECT FROM usage_plan WHERE account = $1 AND id = $7 AND NOT deleted)
    ORDER BY created DESC, api_key DESC
    OFFSET $6 - 1 LIMIT 1
) AS last
JOIN LATERAL (SELECT * FROM api_key WHERE account = $1 AND id = last.api_key OFFSET 0) AS key ON true
WHERE (SELECT count(*) FROM page) < $4
ORDER BY wanted DESC, created DESC, id DESC
