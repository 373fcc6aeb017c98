SELECT id, created, version, document FROM usage_plan WHERE account = $1 AND id = $2 AND NOT deleted
