-- Keys that are to be put into plans, each id given once. In the order of their digests, as imports lock them: nobody
-- waits in a circle. So each is looked up for its digest first, and then looked up again to be locked; OFFSET 0:
-- api_keys/find_ids.sql.
SELECT known.id, known.created
FROM (
    SELECT found.id
    FROM unnest($2::text[]) AS given (id)
    JOIN LATERAL (SELECT id, digest FROM api_key WHERE account = $1 AND id = given.id OFFSET 0) AS found ON true
    ORDER BY found.digest
    OFFSET 0
) AS ordered
CROSS JOIN LATERAL (
    SELECT id, created FROM api_key WHERE account = $1 AND id = ordered.id FOR NO KEY UPDATE
) AS known
