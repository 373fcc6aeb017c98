INSERT INTO replica AS own (incarnation, beat, dead) VALUES ($1, gatepost_now(), true)
ON CONFLICT (incarnation) DO UPDATE SET dead = true
