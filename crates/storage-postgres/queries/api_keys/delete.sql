WITH gone AS (
    DELETE FROM api_key WHERE account = $1 AND id = $2 RETURNING id, version
), told AS (
    INSERT INTO change (account, number, kind, id) SELECT $1, version + 1, 1, id FROM gone
)
SELECT gatepost_keys_changed($1, -1) FROM gone
