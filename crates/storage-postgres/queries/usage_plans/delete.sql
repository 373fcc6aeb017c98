-- Waits for whoever is putting keys into the plan; who comes later finds it deleted. Its links go when it is pruned.
WITH gone AS (
    UPDATE usage_plan SET version = version + 1, deleted = true
    WHERE account = $1 AND id = $2 AND version = $3 AND NOT deleted
    RETURNING id, version
)
INSERT INTO change (account, number, kind, id) SELECT $1, version, 4, id FROM gone RETURNING true
