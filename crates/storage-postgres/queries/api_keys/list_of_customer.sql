-- The customer is compared as a range, and sorted by, so that no other index has this order: the one by age looks cheap
-- to a planner that knows a customer with many keys, and it reads a million of them for one with ten.
SELECT id, name, description, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed
FROM api_key
WHERE account + 0 = $1
  AND left(customer_id, 128) >= left($5, 128)
  AND (left(customer_id, 128), created, id) < (left($5, 128), $2, $3)
  AND customer_id = $5
ORDER BY left(customer_id, 128) DESC, created DESC, id DESC
LIMIT $4
