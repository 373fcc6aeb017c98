INSERT INTO usage (account, plan, key, day, used, adjustment) VALUES /*row*/(?, ?, ?, ?, ?, ?)/*row*/
ON CONFLICT (account, plan, key, day) DO NOTHING
