-- Keys that are to be put into plans. In the order of their digests, as imports lock them: nobody waits in a circle.
-- Each id is given once.
SELECT known.id, known.created
FROM unnest($2::text[]) AS given (id)
JOIN api_key AS known ON known.account = $1 AND known.id = given.id
ORDER BY known.digest
FOR NO KEY UPDATE OF known
