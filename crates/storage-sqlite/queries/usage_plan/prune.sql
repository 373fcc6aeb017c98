-- Some keys of one deleted plan, neighbours in both orders; the plan itself when it has none left.
DELETE FROM usage_plan_key NOT INDEXED
WHERE (account, key, plan) IN (
    SELECT account, key, plan FROM usage_plan_key INDEXED BY usage_plan_key_age
    WHERE plan = (SELECT place FROM usage_plan INDEXED BY usage_plan_place WHERE deleted = 1 LIMIT 1)
    ORDER BY created, key
    LIMIT 2000
);
DELETE FROM usage_plan
WHERE place = (SELECT place FROM usage_plan INDEXED BY usage_plan_place WHERE deleted = 1 LIMIT 1)
    AND NOT EXISTS (
        SELECT 1 FROM usage_plan_key l INDEXED BY usage_plan_key_age WHERE l.plan = usage_plan.place
    );
