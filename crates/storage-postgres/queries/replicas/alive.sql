SELECT incarnation FROM replica WHERE NOT dead ORDER BY incarnation
