-- A portion of a deleted plan's links. Those that somebody holds are passed over: they go with their key, or by whoever
-- prunes at the same time.
DELETE FROM usage_plan_key
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM usage_plan_key WHERE account + 0 = $1 AND plan = $2 LIMIT $3 FOR UPDATE SKIP LOCKED
))
RETURNING true
