-- ARGV: player id. Returns 1 if the player was on the board, else 0.
local id = ARGV[1]
local key, record, member = find(id)
if record and not call('ZSCORE', order, member) then damaged = order end
if damaged then return damage() end
if not record then return 0 end
sequence = sequence + 1
if not append('removed', id) then return damage() end
call('ZREM', order, member)
call('HDEL', key, id)
players = players - 1
describe()
return 1
