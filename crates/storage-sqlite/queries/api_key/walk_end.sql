-- The last key that such a walk looks at, where it does not come to an end before.
SELECT created, id FROM api_key INDEXED BY api_key_age
WHERE account = ?1 AND (created, id) < (?2, ?3)
ORDER BY created DESC, id DESC
LIMIT 1 OFFSET ?4 - 1
