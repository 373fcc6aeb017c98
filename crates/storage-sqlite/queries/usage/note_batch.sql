INSERT INTO usage_batch (incarnation, last) VALUES (?, ?) ON CONFLICT (incarnation) DO UPDATE SET last = excluded.last
