UPDATE installation SET secret = coalesce(secret, ?) RETURNING secret
