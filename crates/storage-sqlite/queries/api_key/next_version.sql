UPDATE api_key INDEXED BY api_key_id SET version = version + 1
WHERE account = ?1 AND id IN (SELECT value FROM json_each(?2));
INSERT INTO change (kind, account, id, version)
SELECT 1, account, id, version FROM api_key INDEXED BY api_key_id
WHERE account = ?1 AND id IN (SELECT value FROM json_each(?2));
