-- Where keys are counted, whoever adds or removes some locks the count before any key, so nobody waits in a circle.
WITH locked AS MATERIALIZED (
    SELECT FROM account_keys WHERE account = $1 FOR UPDATE
), gone AS (
    DELETE FROM api_key WHERE account = $1 AND id = $2 AND (SELECT count(*) FROM locked) >= 0 RETURNING id, version
), told AS (
    INSERT INTO change (account, number, kind, id) SELECT $1, version + 1, 1, id FROM gone
)
SELECT gatepost_keys_changed($1, -1) FROM gone
