-- At most one more than the bound; an upper end that is a blob is above every text.
SELECT count(*)
FROM (
    SELECT 1 FROM api_key INDEXED BY api_key_name
    WHERE account = ?1 AND name >= ?2 AND name < ?3
    LIMIT ?4
)
