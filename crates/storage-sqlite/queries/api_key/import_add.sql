-- Taken values and ids are passed over; the number of rows says whether there were any.
INSERT INTO api_key (account, import, version, id, digest, enabled, created, updated, sealed, name, description)
SELECT c.column1, c.column2, 1, v.column1, v.column2, v.column3, v.column4, v.column4, v.column5, v.column6, v.column7
FROM (VALUES (?, ?)) c CROSS JOIN (VALUES /*row*/(?, ?, ?, ?, ?, ?, ?)/*row*/) v
WHERE true
ON CONFLICT DO NOTHING
