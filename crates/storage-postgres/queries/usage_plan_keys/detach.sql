-- The key first, as everywhere. Of a plan that is deleted nothing is taken out: no key is in it.
WITH locked AS MATERIALIZED (
    SELECT id FROM api_key WHERE account = $1 AND id = $2 FOR NO KEY UPDATE
), gone AS (
    DELETE FROM usage_plan_key
    WHERE account = $1 AND api_key = $2 AND plan = $3
      AND EXISTS (SELECT FROM locked)
      AND EXISTS (SELECT FROM usage_plan WHERE account = $1 AND id = $3 AND NOT deleted)
    RETURNING api_key
), touched AS (
    UPDATE api_key SET version = version + 1
    WHERE account = $1 AND id = $2 AND EXISTS (SELECT FROM gone)
    RETURNING id, version
)
INSERT INTO change (account, number, kind, id) SELECT $1, version, 1, id FROM touched RETURNING true
