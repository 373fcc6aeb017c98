INSERT INTO usage_plan_key (account, key, plan, created) VALUES /*row*/(?, ?, ?, ?)/*row*/
