-- Every replica notes what it saw of the same credentials: locked by id, so that nobody waits in a circle.
WITH used AS MATERIALIZED (
    SELECT id, max(at) AS at FROM unnest($1::text[], $2::bigint[]) AS given (id, at) GROUP BY id
), locked AS MATERIALIZED (
    SELECT credential.id, used.at
    FROM credential JOIN used ON credential.id = used.id
    WHERE coalesce(credential.last_used < used.at, true)
    ORDER BY credential.id
    FOR NO KEY UPDATE OF credential
)
UPDATE credential SET last_used = locked.at FROM locked WHERE credential.id = locked.id
