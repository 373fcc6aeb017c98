INSERT INTO credential (id, account, enabled, created, last_used, version, sealed, name, policy)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT DO NOTHING;
-- Only where the id was free.
INSERT INTO change (kind, account, id, version) SELECT 3, ?2, ?1, ?6 WHERE changes() = 1;
