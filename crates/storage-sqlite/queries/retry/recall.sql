SELECT id, plan FROM retry WHERE account = ? AND token = ?
