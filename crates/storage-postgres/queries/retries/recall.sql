SELECT api_key, usage_plan FROM retry WHERE account = $1 AND token = $2
