-- What is told is the version that the plan would have had next.
INSERT INTO change (kind, account, id, version)
SELECT 4, account, id, version + 1 FROM usage_plan INDEXED BY usage_plan_id
WHERE account = ?1 AND id = ?2 AND version = ?3 AND deleted = 0;
UPDATE usage_plan INDEXED BY usage_plan_id SET deleted = 1
WHERE account = ?1 AND id = ?2 AND version = ?3 AND deleted = 0;
