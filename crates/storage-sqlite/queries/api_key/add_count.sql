INSERT INTO api_key_count (account, keys) VALUES /*row*/(?, ?)/*row*/
ON CONFLICT (account) DO UPDATE SET keys = keys + excluded.keys;
