-- So long a process may have been asleep and still find that it is dead.
DELETE FROM replica WHERE dead AND beat < gatepost_now() - interval '1 day'
