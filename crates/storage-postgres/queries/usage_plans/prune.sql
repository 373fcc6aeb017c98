-- A deleted plan, once nothing of it is left. Nothing is added to it any more, and what another one is just clearing
-- still shows.
DELETE FROM usage_plan
WHERE account = $1 AND id = $2 AND deleted
  AND NOT EXISTS (SELECT FROM usage_plan_key WHERE account + 0 = $1 AND plan = $2)
