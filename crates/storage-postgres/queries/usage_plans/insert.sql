-- Plan, change and memory in one statement, as api_keys/insert.sql. A plan that is refused leaves no row in "stored". A
-- token that is known already is an error, which undoes everything.
WITH stored AS (
    INSERT INTO usage_plan (account, id, created, version, document)
    SELECT $1, $2, $3, $4, $5
    WHERE CASE WHEN $7::bigint IS NULL THEN true ELSE gatepost_count_plans($1) < $7 END
    ON CONFLICT DO NOTHING
    RETURNING id, version
), remembered AS (
    INSERT INTO retry (account, token, usage_plan) SELECT $1, $6, id FROM stored WHERE $6::bytea IS NOT NULL
)
INSERT INTO change (account, number, kind, id) SELECT $1, version, 4, id FROM stored RETURNING true
