-- A batch, if it is the next of its incarnation; each plan, key and day once, in their order, so that nobody waits in a
-- circle. Who offers the same batch beside us waits, and then finds that it is not the next. What does not fit into a
-- number stays at the greatest.
WITH first AS (
    INSERT INTO usage_meter (incarnation, last) SELECT $1, 1 WHERE $2::bigint = 1 ON CONFLICT DO NOTHING RETURNING true
), later AS (
    UPDATE usage_meter SET last = $2 WHERE incarnation = $1 AND last = $2 - 1 RETURNING true
), begun AS MATERIALIZED (
    SELECT true AS now FROM first UNION ALL SELECT true FROM later
), counted AS (
    INSERT INTO usage_day AS known (account, plan, api_key, day, used)
    SELECT given.account, given.plan, given.api_key, given.day, given.used
    FROM begun,
         unnest($3::bigint[], $4::text[], $5::text[], $6::integer[], $7::bigint[])
             AS given (account, plan, api_key, day, used)
    ON CONFLICT (account, plan, api_key, day) DO UPDATE
    SET used = known.used + least(excluded.used, 9223372036854775807 - known.used)
)
SELECT now FROM begun
