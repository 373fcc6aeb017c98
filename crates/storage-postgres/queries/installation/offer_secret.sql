-- Whoever comes second waits for the first, then sees its secret.
UPDATE installation SET secret = coalesce(secret, $1) RETURNING secret
