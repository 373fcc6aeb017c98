-- Notes what can be seen now, and moves the bound of what is pruned up to the latest snapshot that is old enough. Age is
-- that of the snapshot, not of the change: what was written long ago and committed just now is new.
WITH now AS MATERIALIZED (
    SELECT gatepost_now() AS at
), noted AS (
    INSERT INTO change_mark (at, place) SELECT at, pg_current_snapshot() FROM now RETURNING at, place
), reached AS MATERIALIZED (
    SELECT mark.at, mark.place
    FROM (SELECT at, place FROM change_mark UNION ALL SELECT at, place FROM noted) AS mark, now
    WHERE mark.at <= now.at - $1::bigint * interval '1 microsecond'
    ORDER BY mark.at DESC
    LIMIT 1
), dropped AS (
    DELETE FROM change_mark WHERE at < (SELECT at FROM reached)
)
UPDATE installation SET pruned = reached.place
FROM reached
-- Never backwards, whatever replicas prune at once: every transaction that the old bound sees, the new one sees.
WHERE pruned IS NULL
   OR pg_snapshot_xmax(reached.place) >= pg_snapshot_xmax(pruned)
      AND NOT EXISTS (SELECT FROM pg_snapshot_xip(reached.place) AS x WHERE pg_visible_in_snapshot(x, pruned))
