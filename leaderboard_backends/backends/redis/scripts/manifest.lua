-- KEYS[1]: the hash that describes a board of several shards. ARGV: the board's kind, the number of shards and how ties
-- are ordered ('' for as stored), both for a new board, and the generation of a new one. Returns the number of shards, how
-- ties are ordered, the generation and the state: making, ready, deleting, or clearing and the number of the clear.
local call, manifest = redis.call, KEYS[1]
local found = call('HMGET', manifest, 'board', 'shards', 'ties', 'generation', 'state')
if not found[1] then
  if call('EXISTS', manifest) > 0 then return redis.error_reply('LOST ' .. manifest) end
  found = {ARGV[1], ARGV[2] ~= '' and ARGV[2] or ARGV[4], ARGV[3] ~= '' and ARGV[3] or ARGV[5], ARGV[6], 'making'}
  call('HSET', manifest, 'board', found[1], 'shards', found[2], 'ties', found[3], 'generation', found[4], 'state', found[5])
elseif found[1] ~= ARGV[1] then
  return redis.error_reply('MISMATCH ' .. found[1])
end
for i, name in ipairs({'SHARDS', 'TIES'}) do
  if found[5] ~= 'deleting' and ARGV[i + 1] ~= '' and ARGV[i + 1] ~= found[i + 1] then return redis.error_reply(name .. ' ' .. found[i + 1]) end
end
return {found[2], found[3], found[4], found[5]}
