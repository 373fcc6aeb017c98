-- For each pair of digest and id that has something taken: its place, whether the digest is, whether the id is. Two
-- look-ups of each, never a join.
SELECT place, digest_taken, id_taken
FROM (
    SELECT given.place,
           EXISTS (SELECT FROM api_key WHERE account = $1 AND digest = given.digest OFFSET 0) AS digest_taken,
           EXISTS (SELECT FROM api_key WHERE account = $1 AND id = given.id OFFSET 0) AS id_taken
    FROM unnest($2::bytea[], $3::text[]) WITH ORDINALITY AS given (digest, id, place)
) AS looked_up
WHERE digest_taken OR id_taken
