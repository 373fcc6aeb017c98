WITH stored AS (
    INSERT INTO usage_day (account, plan, api_key, day, used, adjustment) VALUES ($1, $2, $3, $4, 0, $5)
    ON CONFLICT (account, plan, api_key, day) DO UPDATE SET adjustment = excluded.adjustment
)
INSERT INTO change (account, number, kind, id) VALUES ($1, 0, 5, $2 || '/' || $3)
