-- Its number is given again: a number that is missing in the feed would make everybody load anew.
DELETE FROM change WHERE seq = ?1;
UPDATE sqlite_sequence SET seq = seq - 1 WHERE name = 'change' AND seq = ?1;
