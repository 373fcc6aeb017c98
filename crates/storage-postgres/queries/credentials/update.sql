-- Two writers of one version: the second waits for the first, then finds another version and changes nothing.
WITH stored AS (
    UPDATE credential SET enabled = $3, version = $4, name = $5, policy = $6
    WHERE id = $1 AND version = $2
    RETURNING account, version, id
)
INSERT INTO change (account, number, kind, id) SELECT account, version, 3, id FROM stored RETURNING true
