INSERT INTO retry (account, token) VALUES (?, ?) ON CONFLICT DO NOTHING
