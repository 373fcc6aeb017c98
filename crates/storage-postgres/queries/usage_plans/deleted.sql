SELECT account, id FROM usage_plan WHERE deleted AND (account, id) > ($1, $2) ORDER BY account, id LIMIT 1
