INSERT INTO retry (account, token) VALUES ($1, $2) ON CONFLICT DO NOTHING
