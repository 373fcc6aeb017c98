WITH gone AS (
    DELETE FROM credential WHERE id = $1 RETURNING account, version, id
)
INSERT INTO change (account, number, kind, id) SELECT account, version + 1, 3, id FROM gone RETURNING true
