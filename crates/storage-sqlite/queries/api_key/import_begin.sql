-- The number of the change is the import's name.
INSERT INTO change (kind, account) VALUES (2, ?) RETURNING seq
