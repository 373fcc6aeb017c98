-- Links, and of each key among them the next version for each link; the keys are locked. $5 and $6: each key once, and
-- how many plans it is put into.
WITH linked AS (
    INSERT INTO usage_plan_key (account, created, api_key, plan)
    SELECT $1, given.created, given.api_key, given.plan
    FROM unnest($2::bigint[], $3::text[], $4::text[]) AS given (created, api_key, plan)
)
SELECT gatepost_key_attached($1, given.id, given.plans) FROM unnest($5::text[], $6::bigint[]) AS given (id, plans)
