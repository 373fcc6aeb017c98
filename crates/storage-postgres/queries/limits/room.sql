SELECT keys FROM account_keys WHERE account = $1 FOR UPDATE
