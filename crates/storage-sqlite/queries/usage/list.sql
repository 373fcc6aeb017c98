SELECT plan, key, day, used, adjustment
FROM usage NOT INDEXED
WHERE account = ?1 AND (plan, key, day) > (?2, ?3, ?4)
ORDER BY plan, key, day
LIMIT ?5
