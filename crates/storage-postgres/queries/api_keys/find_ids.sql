-- One row for each digest that is known, with its place among those given. OFFSET 0 keeps it a look-up of each: a join
-- that was planned for a small table reads all of a large one.
SELECT given.place, known.id
FROM unnest($2::bytea[]) WITH ORDINALITY AS given (digest, place)
JOIN LATERAL (SELECT id FROM api_key WHERE account = $1 AND digest = given.digest OFFSET 0) AS known ON true
