UPDATE credential SET enabled = ?3, version = ?4, name = ?5, policy = ?6 WHERE id = ?1 AND version = ?2;
-- Only where the statement before found the version that was read.
INSERT INTO change (kind, account, id, version)
SELECT 3, account, id, version FROM credential WHERE id = ?1 AND changes() = 1;
