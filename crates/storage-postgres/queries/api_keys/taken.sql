-- For each pair of digest and id that has something taken: its place, whether the digest is, whether the id is.
SELECT given.place, by_digest.id IS NOT NULL, by_id.id IS NOT NULL
FROM unnest($2::bytea[], $3::text[]) WITH ORDINALITY AS given (digest, id, place)
LEFT JOIN api_key AS by_digest ON by_digest.account = $1 AND by_digest.digest = given.digest
LEFT JOIN api_key AS by_id ON by_id.account = $1 AND by_id.id = given.id
WHERE by_digest.id IS NOT NULL OR by_id.id IS NOT NULL
