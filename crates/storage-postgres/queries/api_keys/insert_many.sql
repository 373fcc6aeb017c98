-- As insert.sql, for many keys of one account, in the order of their digests, and at most so many as are left up to the
-- limit $16. Answers the digests of those that were stored, if any were. A token that is known already is an error.
WITH patience AS MATERIALIZED (
    -- Until this statement ends: one key that waits for somebody's lock keeps all others waiting.
    SELECT set_config('lock_timeout', '500', true) AS is_set
), counted AS MATERIALIZED (
    SELECT keys FROM account_keys WHERE account = $1 AND (SELECT is_set FROM patience) <> '' FOR UPDATE -- why: delete.sql
), room AS MATERIALIZED (
    -- No limit is room for all. Where there is one and the keys were never counted, there is room for none.
    SELECT CASE WHEN $16::bigint IS NULL THEN 9223372036854775807 ELSE coalesce($16 - max(keys), 0) END AS keys
    FROM counted
), stored AS (
    INSERT INTO api_key (account, digest, id, sealed, name, description, enabled, customer_id, stage_keys, labels,
                         tags, created, updated, version)
    SELECT $1, given.digest, given.id, given.sealed, given.name, given.description, given.enabled, given.customer_id,
           -- Why as texts: restore.sql.
           given.stage_keys::text[], given.labels::text[], given.tags::text[], given.created, given.updated,
           given.version
    FROM room,
         unnest($2::bytea[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::bool[], $8::text[], $9::text[],
                $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[])
             WITH ORDINALITY
             AS given (digest, id, sealed, name, description, enabled, customer_id, stage_keys, labels, tags, created,
                       updated, version, place)
    WHERE given.place <= room.keys
    ON CONFLICT DO NOTHING
    RETURNING digest, id, version
), remembered AS (
    -- In order: two statements with the same tokens wait for each other in one direction.
    INSERT INTO retry (account, token, api_key)
    SELECT $1, given.token, stored.id
    FROM unnest($2::bytea[], $15::bytea[]) AS given (digest, token)
    JOIN stored ON stored.digest = given.digest
    WHERE given.token IS NOT NULL
    ORDER BY given.token
), told AS (
    INSERT INTO change (account, number, kind, id) SELECT $1, version, 1, id FROM stored
)
SELECT array_agg(digest), gatepost_keys_changed($1, count(*)) FROM stored HAVING count(*) > 0
