SELECT keys FROM api_key_count WHERE account = ?
