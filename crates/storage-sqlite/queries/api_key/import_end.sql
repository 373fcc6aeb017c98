INSERT INTO api_key_count (account, keys) VALUES (?, ?)
ON CONFLICT (account) DO UPDATE SET keys = keys + excluded.keys
RETURNING keys
