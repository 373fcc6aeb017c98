-- Links, and of each key among them the next version for each link; the keys are locked. $5 to $6: each key once, and
-- how many plans it is put into.
WITH linked AS (
    INSERT INTO usage_plan_key (account, created, api_key, plan)
    SELECT $1, given.created, given.api_key, given.plan
    FROM unnest($2::bigint[], $3::text[], $4::text[]) AS given (created, api_key, plan)
), touched AS (
    UPDATE api_key SET version = version + given.plans, attached = true
    FROM unnest($5::text[], $6::bigint[]) AS given (id, plans)
    WHERE api_key.account = $1 AND api_key.id = given.id
    RETURNING api_key.id, api_key.version
)
INSERT INTO change (account, number, kind, id) SELECT $1, version, 1, id FROM touched
