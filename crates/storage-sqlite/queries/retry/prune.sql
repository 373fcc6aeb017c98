WITH oldest AS MATERIALIZED (SELECT seq, at FROM retry ORDER BY seq LIMIT 2000)
DELETE FROM retry
WHERE seq <= (SELECT max(seq) FROM oldest)
    AND seq < coalesce(
        (SELECT min(seq) FROM oldest WHERE at >= CAST(unixepoch('subsec') * 1000 AS INTEGER) - ?1),
        9223372036854775807
    )
