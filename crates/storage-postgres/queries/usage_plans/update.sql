-- Two writers of one version: the second waits for the first, then finds another version and changes nothing.
WITH stored AS (
    UPDATE usage_plan SET version = $4, document = $5
    WHERE account = $1 AND id = $2 AND version = $3 AND NOT deleted
    RETURNING id, version
)
INSERT INTO change (account, number, kind, id) SELECT $1, version, 4, id FROM stored RETURNING true
