-- Two writers of one version: the second waits for the first, then finds another version and changes nothing.
WITH stored AS (
    UPDATE api_key
    SET name = $4, description = $5, enabled = $6, customer_id = $7, stage_keys = $8, labels = $9, tags = $10,
        updated = $11, version = $12
    WHERE account = $1 AND id = $2 AND version = $3
    RETURNING id, version
)
INSERT INTO change (account, number, kind, id) SELECT $1, version, 1, id FROM stored RETURNING true
