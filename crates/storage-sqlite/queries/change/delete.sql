DELETE FROM change WHERE seq = ?
