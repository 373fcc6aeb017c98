SELECT created, id FROM api_key INDEXED BY api_key_customer
WHERE account = ?1 AND (created, id) < (?2, ?3) AND customer_id = ?5
ORDER BY created DESC, id DESC
LIMIT 1 OFFSET ?4 - 1
