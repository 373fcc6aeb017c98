-- The page out of all keys with a name prefix, of which at most $8 are looked at; every row tells how many those were.
-- OFFSET 0 keeps the last step a look-up of each key: a join that was planned for a small table reads all of a large one.
WITH named AS MATERIALIZED (
    SELECT created, id, customer_id
    FROM api_key
    WHERE account + 0 = $1 AND left(name, 128) >= $5 AND left(name, 128) < $6 AND starts_with(name, $7)
    ORDER BY left(name, 128)
    LIMIT $8
), page AS MATERIALIZED (
    SELECT created, id
    FROM named
    WHERE (created, id) < ($2, $3) AND ($9::text IS NULL OR customer_id = $9)
    ORDER BY created DESC, id DESC
    LIMIT $4
)
SELECT key.id, name, description, enabled, key.customer_id, stage_keys, labels, tags, key.created, updated, version,
       sealed, looked_at.keys
FROM (SELECT count(*) AS keys FROM named) AS looked_at
LEFT JOIN page ON true
LEFT JOIN LATERAL (SELECT * FROM api_key WHERE account = $1 AND id = page.id OFFSET 0) AS key ON true
ORDER BY page.created DESC, page.id DESC
