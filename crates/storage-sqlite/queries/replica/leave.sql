INSERT INTO replica (incarnation, beat, dead) VALUES (?1, CAST(unixepoch('subsec') * 1000 AS INTEGER), 1)
ON CONFLICT (incarnation) DO UPDATE SET dead = 1, beat = excluded.beat WHERE dead = 0
