SELECT j.key, u.key, u.day, u.used, u.adjustment
FROM json_each(?3) j
CROSS JOIN usage u ON u.account = ?1 AND u.plan = ?2 AND u.key = j.value AND u.day BETWEEN ?4 AND ?5
ORDER BY j.key, u.day
