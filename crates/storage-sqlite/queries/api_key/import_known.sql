-- For each digest the key that has it, and whether this very import added that key.
SELECT k.id, k.import IS ?3
FROM json_each(?2) j LEFT JOIN api_key k INDEXED BY api_key_digest ON k.account = ?1 AND k.digest = unhex(j.value)
