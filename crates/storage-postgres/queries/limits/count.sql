INSERT INTO account_keys (account, keys)
SELECT $1, count(*) FROM api_key WHERE account + 0 = $1
ON CONFLICT DO NOTHING
RETURNING true
