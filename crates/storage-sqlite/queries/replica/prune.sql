DELETE FROM replica WHERE dead = 1 AND beat <= CAST(unixepoch('subsec') * 1000 AS INTEGER) - ?1
