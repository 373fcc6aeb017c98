-- In the order of the rows' ids, so that nobody waits in a circle.
INSERT INTO usage_day (account, plan, api_key, day, used, adjustment)
SELECT $1, given.plan, given.api_key, given.day, given.used, given.adjustment
FROM unnest($2::text[], $3::text[], $4::integer[], $5::bigint[], $6::bigint[])
     AS given (plan, api_key, day, used, adjustment)
ON CONFLICT DO NOTHING
