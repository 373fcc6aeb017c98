-- As find.sql for many ids, of whatever accounts; at the end the id's place among those given. OFFSET 0: find_ids.sql.
SELECT known.id, name, description, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed,
       given.place
FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS given (account, id, place)
JOIN LATERAL (
    SELECT id, name, description, enabled, customer_id, stage_keys, labels, tags, created, updated, version, sealed
    FROM api_key
    WHERE account = given.account AND id = given.id
    OFFSET 0
) AS known ON true
