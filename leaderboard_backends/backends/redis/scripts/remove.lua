-- ARGV: player id. Returns 1 where there was such a player, else 0.
local key, record, member = find(ARGV[1])
if not record then return 0 end
call('ZREM', order, member)
call('HDEL', key, ARGV[1])
return 1
