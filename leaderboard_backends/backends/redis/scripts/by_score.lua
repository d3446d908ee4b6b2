-- ARGV: the better end of the range, the worse end, the limit (-1 for none). Returns the rank of the first entry (from
-- 0), then members and scores.
local command = descending and 'ZREVRANGEBYSCORE' or 'ZRANGEBYSCORE'
local rows = call(command, order, ARGV[1], ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
if not rows[1] and call('ZCARD', order) ~= players then damaged = order end
return damaged and damage() or {rows[1] and call(rank_of, order, rows[1]) or 0, rows}
