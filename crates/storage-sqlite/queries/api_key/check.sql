-- Which of the things that a new key needs are taken. A token that is NULL equals none.
SELECT
    EXISTS (SELECT 1 FROM retry r WHERE r.account = v.column1 AND r.token = v.column2),
    EXISTS (SELECT 1 FROM api_key k WHERE k.account = v.column1 AND k.digest = v.column3),
    EXISTS (SELECT 1 FROM api_key k WHERE k.account = v.column1 AND k.id = v.column4),
    coalesce((SELECT keys FROM api_key_count c WHERE c.account = v.column1), 0)
FROM (VALUES /*row*/(?, ?, ?, ?)/*row*/) v
