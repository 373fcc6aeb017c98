SELECT hex(id), oldest_level FROM installation
