UPDATE probe SET at = gatepost_now()
