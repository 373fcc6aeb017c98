SELECT api_key FROM retry WHERE account = $1 AND token = $2
