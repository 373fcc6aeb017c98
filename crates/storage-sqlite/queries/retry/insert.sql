INSERT INTO retry (account, token, id) VALUES /*row*/(?, ?, ?)/*row*/;
