-- Days of which even the end is older.
DELETE FROM usage NOT INDEXED
WHERE (account, plan, key, day) IN (
    SELECT account, plan, key, day FROM usage INDEXED BY usage_day
    WHERE day < (CAST(unixepoch('subsec') * 1000 AS INTEGER) - ?1) / 86400000
    LIMIT 2000
)
