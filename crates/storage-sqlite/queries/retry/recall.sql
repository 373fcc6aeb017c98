SELECT id FROM retry WHERE account = ? AND token = ?
