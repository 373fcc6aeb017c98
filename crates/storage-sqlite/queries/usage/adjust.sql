INSERT INTO usage (account, plan, key, day, adjustment) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (account, plan, key, day) DO UPDATE SET adjustment = excluded.adjustment;
INSERT INTO change (kind, account, plan, id) VALUES (5, ?1, ?2, ?3);
