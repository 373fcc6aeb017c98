SELECT id, created, version, document FROM usage_plan WHERE account + 0 = $1 AND NOT deleted AND id <> $2 ORDER BY id
