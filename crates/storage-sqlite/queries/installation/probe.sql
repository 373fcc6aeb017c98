UPDATE installation SET probes = probes + 1
