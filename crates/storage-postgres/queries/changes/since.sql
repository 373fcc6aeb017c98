-- What has been committed since the snapshot $1, and this statement's own snapshot, from which the next call goes on;
-- one row at least. A transaction that snapshot $1 does not see either began after it, or was running then.
WITH here AS MATERIALIZED (
    SELECT installation.id || '/' || gatepost_cluster() || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
               AS cluster,
           pg_current_snapshot() AS place,
           -- Of what was pruned, snapshot $1 did not see all.
           pruned_last IS NOT NULL AND (
               pruned_last >= pg_snapshot_xmax($1::text::pg_snapshot)
               OR EXISTS (SELECT FROM pg_snapshot_xip($1::text::pg_snapshot) AS x
                          WHERE x <= pruned_last AND pg_visible_in_snapshot(x, pruned))
           )
           -- A snapshot that is still to come is not one of ours.
           OR pg_snapshot_xmax($1::text::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()) AS is_lost
    FROM installation
), unseen AS (
    -- Sorted, so that the index is the way, however many rows the planner believes in.
    (SELECT account, number, kind, id FROM change WHERE xid >= pg_snapshot_xmax($1::text::pg_snapshot)
     ORDER BY xid LIMIT $2)
    UNION ALL
    SELECT account, number, kind, id FROM change
    WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip($1::text::pg_snapshot)))
    LIMIT $2
)
SELECT here.cluster, here.place::text, here.is_lost, unseen.kind, unseen.account, unseen.id, unseen.number
FROM here LEFT JOIN unseen ON true
