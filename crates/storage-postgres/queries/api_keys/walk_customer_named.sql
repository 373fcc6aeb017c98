-- A customer's keys, newest first, at most $6, of which those with the name prefix $5 are wanted.
-- In one statement, so that both belong to one moment: the page, and, where it is not full, the last key looked at.
WITH page AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT * FROM api_key
        WHERE account + 0 = $1
          AND left(customer_id, 128) >= left($7, 128)
          AND (left(customer_id, 128), created, id) < (left($7, 128), $2, $3)
          AND customer_id = $7
        ORDER BY left(customer_id, 128) DESC, created DESC, id DESC
        LIMIT $6
    ) AS looked_at
    WHERE starts_with(name, $5)
    ORDER BY left(customer_id, 128) DESC, created DESC, id DESC
    LIMIT $4
)
SELECT id, name, description, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed, true AS wanted
FROM page
UNION ALL
SELECT id, name, description, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed, false
FROM (
    SELECT * FROM api_key
    WHERE account + 0 = $1
          AND left(customer_id, 128) >= left($7, 128)
          AND (left(customer_id, 128), created, id) < (left($7, 128), $2, $3)
          AND customer_id = $7
    ORDER BY left(customer_id, 128) DESC, created DESC, id DESC
    OFFSET $6 - 1 LIMIT 1
) AS last
WHERE (SELECT count(*) FROM page) < $4
ORDER BY wanted DESC, created DESC, id DESC
