-- One row for each digest that is known, with its place among those given.
SELECT given.place, api_key.id
FROM unnest($2::bytea[]) WITH ORDINALITY AS given (digest, place)
JOIN api_key ON api_key.account = $1 AND api_key.digest = given.digest
