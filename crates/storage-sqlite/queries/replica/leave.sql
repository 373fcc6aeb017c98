INSERT INTO replica (incarnation, beat, dead) VALUES (?1, 0, 1) ON CONFLICT (incarnation) DO UPDATE SET dead = 1
