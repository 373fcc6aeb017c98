-- Why a key was not inserted: what of it is taken, and how many keys the account has where that is counted.
SELECT EXISTS (SELECT FROM retry WHERE account = $1 AND token = $4),
       EXISTS (SELECT FROM api_key WHERE account = $1 AND digest = $3),
       EXISTS (SELECT FROM api_key WHERE account = $1 AND id = $2),
       (SELECT keys FROM account_keys WHERE account = $1)
