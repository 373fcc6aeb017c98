INSERT INTO usage_plan (account, id, created, version, document) VALUES (?1, ?2, ?3, ?4, ?5);
INSERT INTO change (kind, account, id, version) VALUES (4, ?1, ?2, ?4);
INSERT INTO retry (account, token, plan) SELECT ?1, ?6, ?2 WHERE ?6 IS NOT NULL;
