SELECT id, created, version, document
FROM usage_plan
WHERE account + 0 = $1 AND NOT deleted AND (created, id) < ($2, $3)
ORDER BY created DESC, id DESC
LIMIT $4
