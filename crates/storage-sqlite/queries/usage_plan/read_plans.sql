-- Plans by id and by place; one may come twice.
SELECT place, id, created, version, document FROM usage_plan INDEXED BY usage_plan_id
WHERE account = ?1 AND id IN (SELECT value FROM json_each(?2)) AND deleted = 0
UNION ALL
SELECT place, id, created, version, document FROM usage_plan INDEXED BY usage_plan_place
WHERE place IN (SELECT value FROM json_each(?3)) AND deleted = 0
