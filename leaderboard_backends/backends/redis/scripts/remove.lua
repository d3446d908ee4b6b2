-- ARGV: player id. Returns 1 where there was such a player, else 0.
local id = ARGV[1]
local key, record, member = find(id)
if record and call('ZREM', order, member) == 0 then damaged = order end
if damaged then return damage() end
if not record then return 0 end
call('HDEL', key, id)
sequence, players = sequence + 1, players - 1
append('removed', id)
describe()
return 1
