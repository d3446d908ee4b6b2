-- KEYS[1]: the hash that describes a board of several shards. ARGV: the board's generation, a state ('' for any), the state
-- that follows it ('' deletes the description), the fence that a clear expects ('' for none). Returns the state, after the
-- change where there was one. Of a board that is gone, nothing is left to be deleted, made or cleared; one that is
-- fenced is not cleared.
local call, manifest = redis.call, KEYS[1]
local found = call('HMGET', manifest, 'generation', 'state', 'moved')
if found[1] ~= ARGV[1] then
  if ARGV[2] == 'ready' then return redis.error_reply('GONE ' .. manifest) end
  return ''
end
local moved = found[3] or ''
if ARGV[2] == 'ready' and moved ~= ARGV[4] then return redis.error_reply('FENCED ' .. moved) end
if ARGV[2] ~= '' and found[2] ~= ARGV[2] then return found[2] end
if ARGV[3] == '' then call('UNLINK', manifest) elseif ARGV[3] ~= found[2] then call('HSET', manifest, 'state', ARGV[3]) end
return ARGV[3]
