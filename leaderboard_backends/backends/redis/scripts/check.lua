-- Only checks the board's keys: for a server that refuses writes, and after an empty reply.
if call('ZCARD', order) ~= players then damaged = order end
return damaged and damage() or 1
