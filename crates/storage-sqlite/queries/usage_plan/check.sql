-- What a new plan needs, and how many there are. A token that is NULL equals none; the id of a deleted plan is taken.
SELECT
    EXISTS (SELECT 1 FROM retry WHERE account = ?1 AND token = ?2),
    EXISTS (SELECT 1 FROM usage_plan INDEXED BY usage_plan_id WHERE account = ?1 AND id = ?3),
    (SELECT count(*) FROM usage_plan INDEXED BY usage_plan_age WHERE account = ?1 AND deleted = 0)
