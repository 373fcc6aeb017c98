-- A sum that would be too great stays at the greatest.
INSERT INTO usage (account, plan, key, day, used) VALUES /*row*/(?, ?, ?, ?, ?)/*row*/
ON CONFLICT (account, plan, key, day) DO UPDATE
SET used = min(used, 9223372036854775807 - excluded.used) + excluded.used
