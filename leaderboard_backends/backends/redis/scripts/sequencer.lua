-- KEYS[1]: the hash that describes a board of several shards. ARGV: the board's generation, the number of updates, and a
-- number that the tickets must be above. Returns the state, and the first ticket where it is ready. A ticket is a number of
-- a sixteenth of 10 µs since 2020, a multiple of 16; n updates use it and the n numbers after it.
local call, manifest = redis.call, KEYS[1]
local found = call('HMGET', manifest, 'generation', 'state', 'ticket')
if found[1] ~= ARGV[1] then return redis.error_reply('GONE ' .. manifest) end
if found[2] ~= 'ready' then return {found[2]} end
local last = math.max(tonumber(found[3] or 0), ARGV[3])
local ticket = math.max(clock, (math.floor(last / 16) + 1) * 16)
call('HSET', manifest, 'ticket', ticket + math.floor(ARGV[2] / 16) * 16)
return {'ready', string.format('%.0f', ticket)}
