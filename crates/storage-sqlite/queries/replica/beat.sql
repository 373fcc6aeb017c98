-- The silent others first; then the one that speaks, unless it was declared dead before. Of the dead, `beat` is when
-- that was.
UPDATE replica SET dead = 1, beat = CAST(unixepoch('subsec') * 1000 AS INTEGER)
WHERE incarnation <> ?1 AND dead = 0 AND beat <= CAST(unixepoch('subsec') * 1000 AS INTEGER) - ?2;
INSERT INTO replica (incarnation, beat) VALUES (?1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
ON CONFLICT (incarnation) DO UPDATE SET beat = excluded.beat WHERE dead = 0
RETURNING dead;
