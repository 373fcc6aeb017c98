-- Counting reads an index from end to end, so it is done only where no row keeps count.
SELECT coalesce(
    (SELECT keys FROM account_keys WHERE account = $1),
    (SELECT count(*) FROM api_key WHERE account + 0 = $1)
)
