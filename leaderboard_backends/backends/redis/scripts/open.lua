-- ARGV: how many changes the feed keeps ('' leaves it as it is), and anything where a shard may be new. Describes a new
-- board, and deletes a feed that is not the board's history up to now. The first calls change nothing: a command that
-- the server does not permit fails here, not in the middle of an update.
if shard and fresh and not ARGV[2] then return redis.error_reply('LOST ' .. meta) end
call('ZADD', order, 'XX', 0, '')
call('ZREM', order, '')
call('HDEL', prefix .. 0, 'none')
call('DEL', prefix)
call('UNLINK', prefix)
call('ZCOUNT', order, 0, 0)
call('ZMSCORE', order, '')
call('HGETALL', prefix)
if not feed or ARGV[1] == '0' then call('UNLINK', changes) end
if ARGV[1] ~= '' then feed = ARGV[1] ~= '0' and ARGV[1] end
local refused = feed and drop_foreign_changes()
if refused then return refused end
if feed and call('EXISTS', changes) == 0 then
  call('XADD', changes, 'NOMKSTREAM', '0-1', 'removed', '')
  call('XTRIM', changes, 'MAXLEN', '~', feed)
end
if fresh then describe() end
if ARGV[1] ~= '' then
  if feed then call('HSET', meta, 'feed', feed) else call('HDEL', meta, 'feed') end
end
call('HSET', meta, 'board', board)
if shard and not call('HGET', meta, 'cleared') then call('HSET', meta, 'cleared', 0) end
return 1
