-- Links of imported keys, which the import has locked, marked and told.
INSERT INTO usage_plan_key (account, created, api_key, plan)
SELECT $1, given.created, given.api_key, given.plan
FROM unnest($2::bigint[], $3::text[], $4::text[]) AS given (created, api_key, plan)
