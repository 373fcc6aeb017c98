INSERT INTO api_key (account, import, id, digest, enabled, created, updated, version, sealed, name, customer_id,
    stage_keys, labels, tags, description)
SELECT c.column1, c.column2, v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, v.column7, v.column8,
    v.column9, v.column10, v.column11, v.column12, v.column13
FROM (VALUES (?, ?)) c CROSS JOIN (VALUES /*row*/(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)/*row*/) v
WHERE true
ON CONFLICT DO NOTHING
