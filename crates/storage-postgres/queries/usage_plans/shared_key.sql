-- A key that is both in plan $2 and in one of the plans $3, and the place of that one. Two plans are read side by side,
-- in the order of the index, until either ends: merge_only.sql leaves the planner nothing else, which might look up a
-- million keys one by one.
SELECT other.place, shared.api_key
FROM unnest($3::text[]) WITH ORDINALITY AS other (plan, place)
CROSS JOIN LATERAL (
    SELECT one.api_key
    FROM usage_plan_key AS one
    JOIN usage_plan_key AS two ON two.created = one.created AND two.api_key = one.api_key
    WHERE one.account + 0 = $1 AND one.plan = $2 AND two.account + 0 = $1 AND two.plan = other.plan
    LIMIT 1
) AS shared
LIMIT 1
