-- A beginning of the feed and never a part from its middle, whatever the clock did: positions before it must resync.
WITH oldest AS MATERIALIZED (SELECT seq, at FROM change ORDER BY seq LIMIT 2000)
DELETE FROM change
WHERE seq <= (SELECT max(seq) FROM oldest)
    AND seq < coalesce(
        (SELECT min(seq) FROM oldest WHERE at >= CAST(unixepoch('subsec') * 1000 AS INTEGER) - ?1),
        9223372036854775807
    )
