-- KEYS[1]: the hash that describes a board of several shards. ARGV: the board's generation. Returns the state.
local found = redis.call('HMGET', KEYS[1], 'generation', 'state')
if found[1] ~= ARGV[1] then return redis.error_reply('GONE ' .. KEYS[1]) end
return found[2]
