-- The check of the board's keys alone: for a server that takes no writes, and after an empty answer.
if call('ZCARD', order) ~= players then damaged = order end
return damaged and damage() or 1
