-- What a row does not say stays. As an insert that always meets the key it was made from: an UPDATE with FROM leaves it
-- to statistics whether the keys are found one by one or all looked through.
INSERT INTO api_key (account, id, digest, import, enabled, created, updated, version, sealed, name, description)
SELECT k.account, k.id, k.digest, c.column2, coalesce(r.column3, k.enabled), k.created, r.column4,
    k.version + r.column2, k.sealed, coalesce(r.column5, k.name), coalesce(r.column6, k.description)
FROM (VALUES (?, ?)) c
CROSS JOIN (VALUES /*row*/(?, ?, ?, ?, ?, ?)/*row*/) r
CROSS JOIN api_key k INDEXED BY api_key_digest ON k.account = c.column1 AND k.digest = r.column1
WHERE true
ON CONFLICT DO UPDATE SET import = excluded.import, enabled = excluded.enabled, updated = excluded.updated,
    version = excluded.version, name = excluded.name, description = excluded.description
