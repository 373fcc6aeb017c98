SELECT (SELECT id FROM api_key WHERE account = ?1 AND digest = unhex(j.value)) FROM json_each(?2) j
