DELETE FROM retry
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM retry WHERE at < gatepost_now() - $1::bigint * interval '1 microsecond' LIMIT $2
))
RETURNING true
