-- The key's place among those given, and each of its days. OFFSET 0: api_keys/find_ids.sql.
SELECT given.place, known.day, known.used, known.adjustment
FROM unnest($3::text[]) WITH ORDINALITY AS given (api_key, place)
JOIN LATERAL (
    SELECT day, used, adjustment FROM usage_day
    WHERE account = $1 AND plan = $2 AND api_key = given.api_key AND day >= $4 AND day <= $5
    OFFSET 0
) AS known ON true
ORDER BY given.place, known.day
