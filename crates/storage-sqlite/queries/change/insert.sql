INSERT INTO change (kind, account, id, version) VALUES /*row*/(1, ?, ?, ?)/*row*/;
