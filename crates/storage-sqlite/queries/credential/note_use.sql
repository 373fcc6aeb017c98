-- ?1 lists pairs of an id and a moment, an id as often as it likes.
WITH used AS MATERIALIZED (
    SELECT value ->> 0 AS id, max(value ->> 1) AS at FROM json_each(?1) GROUP BY value ->> 0
)
UPDATE credential SET last_used = used.at
FROM used
WHERE credential.id = used.id AND coalesce(credential.last_used < used.at, true)
