-- A taken id leaves no row in "stored", and with it no change.
WITH stored AS (
    INSERT INTO credential (id, account, enabled, created, last_used, version, sealed, name, policy)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT DO NOTHING
    RETURNING account, version, id
)
INSERT INTO change (account, number, kind, id) SELECT account, version, 3, id FROM stored RETURNING true
