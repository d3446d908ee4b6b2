-- ARGV: where the board was moved; '' lifts the fence. Where another fence is expected, nothing is done. That of a shard is
-- set all the same, as its manifest has decided on that.
local expected = not passes or (found[6] or false) == pass or (found[6] or '') == ARGV[1] or (shard and ARGV[1] ~= '')
if not expected then return redis.error_reply('FENCED ' .. (found[6] or '')) end
if ARGV[1] == '' then
  call('HDEL', meta, 'moved')
else
  if fresh then describe() end
  call('HSET', meta, 'moved', ARGV[1])
end
return 1
