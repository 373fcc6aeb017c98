-- "off" before shared_key.sql, and "on" behind it.
SELECT set_config('enable_nestloop', $1, true), set_config('enable_hashjoin', $1, true),
       set_config('enable_sort', $1, true)
