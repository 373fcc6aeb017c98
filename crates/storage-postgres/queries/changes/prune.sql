WITH gone AS (
    DELETE FROM change
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM change
        WHERE xid < (SELECT pg_snapshot_xmax(pruned) FROM installation)
          AND pg_visible_in_snapshot(xid, (SELECT pruned FROM installation))
        ORDER BY xid
        LIMIT $1
    ))
    RETURNING xid
), last AS (
    SELECT xid FROM gone ORDER BY xid DESC LIMIT 1
), noted AS (
    UPDATE installation SET pruned_last = last.xid FROM last WHERE pruned_last IS NULL OR pruned_last < last.xid
)
SELECT true FROM gone
