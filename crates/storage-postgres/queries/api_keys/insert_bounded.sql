-- As insert.sql, where the account may have $16 keys at most. Locking its count makes bounded inserts wait for each
-- other, and shows each the count that the one before it left.
WITH room AS (
    SELECT keys FROM account_keys WHERE account = $1 FOR UPDATE
), stored AS (
    INSERT INTO api_key (account, id, digest, sealed, name, description, enabled, customer_id, stage_keys, labels,
                         tags, created, updated, version)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 FROM room WHERE room.keys < $16
    ON CONFLICT DO NOTHING
    RETURNING id, version
), remembered AS (
    INSERT INTO retry (account, token, api_key) SELECT $1, $15, id FROM stored WHERE $15::bytea IS NOT NULL
), told AS (
    INSERT INTO change (account, number, kind, id) SELECT $1, version, 1, id FROM stored
)
SELECT gatepost_keys_changed($1, 1) FROM stored
