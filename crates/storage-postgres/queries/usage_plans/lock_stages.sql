-- Of those who give stages to plans of one account, one at a time.
SELECT pg_advisory_xact_lock(gatepost_stage_lock($1))
