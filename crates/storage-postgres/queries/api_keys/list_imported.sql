-- Compared and sorted as the index by import is, so that no other one fits.
SELECT id, name, description, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed
FROM api_key
WHERE (import, id) > ($2, $3) AND import <= $2 AND account = $1
ORDER BY import, id
LIMIT $4
