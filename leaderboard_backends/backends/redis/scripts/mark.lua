-- KEYS[1]: the hash that describes a board of several shards. ARGV: its generation, where it was moved ('' lifts the fence)
-- and, for one who expects a fence, which one ('' for none).
local call, manifest = redis.call, KEYS[1]
local found = call('HMGET', manifest, 'generation', 'moved')
if found[1] ~= ARGV[1] then return redis.error_reply('GONE ' .. manifest) end
local moved = found[2] or ''
if ARGV[3] and moved ~= ARGV[3] and moved ~= ARGV[2] then return redis.error_reply('FENCED ' .. moved) end
if ARGV[2] == '' then call('HDEL', manifest, 'moved') else call('HSET', manifest, 'moved', ARGV[2]) end
return 1
