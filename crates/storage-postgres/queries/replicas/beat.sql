-- Own row and silent ones in one statement. A row that is locked is just being beaten: skipping it keeps two replicas
-- that wake up together from waiting for each other.
WITH now AS MATERIALIZED (
    SELECT gatepost_now() AS at
), silent AS (
    UPDATE replica SET dead = true
    WHERE incarnation IN (
        SELECT other.incarnation
        FROM replica AS other, now
        WHERE NOT other.dead AND other.incarnation <> $1
          AND other.beat <= now.at - $2::bigint * interval '1 microsecond'
        FOR UPDATE OF other SKIP LOCKED
    )
)
INSERT INTO replica AS own (incarnation, beat, dead)
SELECT $1, at, false FROM now
ON CONFLICT (incarnation) DO UPDATE SET beat = CASE WHEN own.dead THEN own.beat ELSE excluded.beat END
RETURNING own.dead
