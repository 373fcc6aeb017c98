-- Rows of an import, each digest once, in the order of their digests: two imports of the same keys lock them in the
-- same order. Answers the keys in that order. A row that was there carries our lock as its xmax, an added one none.
WITH locked AS MATERIALIZED (
    SELECT FROM account_keys WHERE account = $1 FOR UPDATE -- why: delete.sql
), import AS MATERIALIZED (
    SELECT nextval('import_id') AS id FROM (SELECT count(*) FROM locked) AS before
), stored AS (
    INSERT INTO api_key AS known (account, digest, id, sealed, name, description, enabled, created, updated, version,
                                  import, attached)
    SELECT $1, given.digest, given.id, given.sealed, given.name, given.description, coalesce(given.enabled, true),
           given.created, given.updated, given.version, import.id, given.attached
    FROM unnest($2::bytea[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::bool[], $8::bigint[], $9::bigint[],
                $10::bigint[], $12::bool[])
         AS given (digest, id, sealed, name, description, enabled, created, updated, version, attached),
         import
    ON CONFLICT (account, digest) DO UPDATE
    SET name = coalesce(excluded.name, known.name),
        description = coalesce(excluded.description, known.description),
        -- What is proposed says true where the row is silent; $11 are the digests of those rows.
        enabled = CASE WHEN excluded.digest IN (SELECT unnest($11::bytea[])) THEN known.enabled ELSE excluded.enabled END,
        updated = excluded.updated,
        version = known.version + excluded.version,
        import = excluded.import,
        attached = known.attached OR excluded.attached
    RETURNING known.id, known.created, known.xmax = 0 AS fresh
), told AS (
    INSERT INTO change (account, number, kind) SELECT $1, id, 2 FROM import
), counted AS MATERIALIZED (
    SELECT gatepost_keys_changed($1, (SELECT count(*) FROM stored WHERE fresh))
)
SELECT stored.id, stored.created, stored.fresh FROM stored, counted
