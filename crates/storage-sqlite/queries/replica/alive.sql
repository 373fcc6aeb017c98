SELECT incarnation FROM replica WHERE dead = 0 ORDER BY incarnation
