DELETE FROM usage_day
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM usage_day
    WHERE day + 0 < floor(extract(epoch FROM gatepost_now() - $1::bigint * interval '1 microsecond') / 86400)::integer
    ORDER BY day + 0
    LIMIT $2
    FOR UPDATE SKIP LOCKED
))
RETURNING true
