-- One row without a change says the last number when there is no news.
SELECT s.seq, c.seq, c.kind, c.account, c.id, c.version, c.plan
FROM sqlite_sequence s LEFT JOIN change c ON c.seq > ?1
WHERE s.name = 'change'
ORDER BY c.seq
LIMIT ?2
