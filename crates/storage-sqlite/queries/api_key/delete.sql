-- What is told is the version that the key would have had next; so this comes first, while it is there.
INSERT INTO change (kind, account, id, version)
SELECT 1, account, id, version + 1 FROM api_key WHERE account = ?1 AND id = ?2;
UPDATE api_key_count SET keys = keys - 1 WHERE account = ?1 AND changes() = 1;
DELETE FROM api_key WHERE account = ?1 AND id = ?2;
