-- The database was copied or restored into another cluster: what was told there had that one's numbers. All of it is
-- forgotten, and every position from before this statement resyncs. Whoever comes second waits, and finds it done.
WITH adopted AS (
    UPDATE installation
    SET cluster = gatepost_cluster(),
        pruned = pg_current_snapshot(),
        pruned_last = ((pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)::text)::xid8
    WHERE cluster IS DISTINCT FROM gatepost_cluster()
    RETURNING true
), changes AS (
    DELETE FROM change WHERE EXISTS (SELECT FROM adopted)
), marks AS (
    DELETE FROM change_mark WHERE EXISTS (SELECT FROM adopted)
)
SELECT FROM adopted
