-- Whole keys, in the order of their digests. Answers the digests of those that were stored: of the others something
-- is taken.
WITH locked AS MATERIALIZED (
    SELECT FROM account_keys WHERE account = $1 FOR UPDATE -- why: delete.sql
), import AS MATERIALIZED (
    SELECT nextval('import_id') AS id FROM (SELECT count(*) FROM locked) AS before
), stored AS (
    INSERT INTO api_key (account, digest, id, sealed, name, description, enabled, customer_id, stage_keys, labels,
                         tags, created, updated, version, import)
    SELECT $1, given.digest, given.id, given.sealed, given.name, given.description, given.enabled, given.customer_id,
           -- Lists of different lengths do not fit into one array of arrays, so each is the text of an array.
           given.stage_keys::text[], given.labels::text[], given.tags::text[], given.created, given.updated,
           given.version, import.id
    FROM unnest($2::bytea[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::bool[], $8::text[], $9::text[],
                $10::text[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[])
         AS given (digest, id, sealed, name, description, enabled, customer_id, stage_keys, labels, tags, created,
                   updated, version),
         import
    ON CONFLICT DO NOTHING
    RETURNING digest
), told AS (
    INSERT INTO change (account, number, kind) SELECT $1, id, 2 FROM import WHERE EXISTS (SELECT FROM stored)
), counted AS MATERIALIZED (
    SELECT gatepost_keys_changed($1, (SELECT count(*) FROM stored))
)
SELECT stored.digest FROM stored, counted
