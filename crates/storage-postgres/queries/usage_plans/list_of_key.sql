-- The few plans of a key, each looked up (OFFSET 0: api_keys/find_ids.sql), then the page of them.
SELECT plan.id, plan.created, plan.version, plan.document
FROM usage_plan_key AS link
JOIN LATERAL (
    SELECT id, created, version, document FROM usage_plan WHERE account = $1 AND id = link.plan AND NOT deleted OFFSET 0
) AS plan ON true
WHERE link.account = $1 AND link.api_key = $5 AND (plan.created, plan.id) < ($2, $3)
ORDER BY plan.created DESC, plan.id DESC
LIMIT $4
