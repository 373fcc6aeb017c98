SELECT last FROM usage_meter WHERE incarnation = $1
