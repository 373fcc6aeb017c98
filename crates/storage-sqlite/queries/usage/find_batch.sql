SELECT last FROM usage_batch WHERE incarnation = ?
