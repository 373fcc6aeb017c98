-- Where a feed would begin that has told everything which this snapshot sees: the installation, the cluster, the
-- database in it, the timeline, and the snapshot. A promoted or restored server may number its transactions anew, on
-- another timeline or in another cluster; a copy of the database tells its own changes.
SELECT installation.id || '/' || gatepost_cluster() || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
       pg_current_snapshot()::text
FROM installation
