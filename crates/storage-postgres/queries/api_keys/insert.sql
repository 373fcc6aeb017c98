-- Key, change and memory in one statement. A key that is refused leaves no row in "stored", and with it nothing at
-- all. A token that is known already is an error, which undoes everything. Why the count is locked: delete.sql.
WITH locked AS MATERIALIZED (
    SELECT FROM account_keys WHERE account = $1 FOR UPDATE
), stored AS (
    INSERT INTO api_key (account, id, digest, sealed, name, description, enabled, customer_id, stage_keys, labels,
                         tags, created, updated, version)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 WHERE (SELECT count(*) FROM locked) >= 0
    ON CONFLICT DO NOTHING
    RETURNING id, version
), remembered AS (
    INSERT INTO retry (account, token, api_key) SELECT $1, $15, id FROM stored WHERE $15::bytea IS NOT NULL
), told AS (
    INSERT INTO change (account, number, kind, id) SELECT $1, version, 1, id FROM stored
)
SELECT gatepost_keys_changed($1, 1) FROM stored
