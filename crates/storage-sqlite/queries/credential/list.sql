SELECT id, account, enabled, created, last_used, version, sealed, name, policy
FROM credential
WHERE id > ?1
ORDER BY id
LIMIT ?2
