-- Plans that keys are being put into, and those that these keys are in: neither their stages nor their being there may
-- change until that is done. In the order of their ids, so that nobody waits in a circle.
SELECT id, created, version, document
FROM usage_plan
WHERE account = $1 AND id = ANY ($2::text[]) AND NOT deleted
ORDER BY id
FOR SHARE
