UPDATE usage_plan SET version = ?2, document = ?3 WHERE place = ?1;
INSERT INTO change (kind, account, id, version) SELECT 4, account, id, version FROM usage_plan WHERE place = ?1;
