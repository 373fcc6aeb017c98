INSERT INTO api_key (account, id, digest, enabled, created, updated, version, sealed, name, customer_id,
    stage_keys, labels, tags, description)
VALUES /*row*/(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)/*row*/;
