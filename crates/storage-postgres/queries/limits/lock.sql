-- Waits for whoever adds or removes keys of the account, and keeps them waiting while it is counted.
SELECT pg_advisory_xact_lock(gatepost_account_lock($1))
