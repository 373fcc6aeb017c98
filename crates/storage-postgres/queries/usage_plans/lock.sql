-- Waits for whoever is putting keys into the plan, and keeps others from it.
SELECT true FROM usage_plan WHERE account = $1 AND id = $2 AND version = $3 AND NOT deleted FOR NO KEY UPDATE
