-- What is told is the version that it would have had next; so this comes first, while it is there.
INSERT INTO change (kind, account, id, version) SELECT 3, account, id, version + 1 FROM credential WHERE id = ?1;
DELETE FROM credential WHERE id = ?1;
