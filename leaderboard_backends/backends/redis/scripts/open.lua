-- ARGV: how many changes the feed keeps ('' leaves it as it is). Describes a new board. The calls that change nothing
-- show now, not in the middle of an update, what is not permitted.
call('ZADD', order, 'XX', 0, '')
call('ZREM', order, '')
call('HDEL', prefix .. 0, 'none')
call('DEL', prefix)
call('UNLINK', prefix)
call('ZCOUNT', order, 0, 0)
call('ZMSCORE', order, '')
call('HGETALL', prefix)
if ARGV[1] ~= '' then feed = ARGV[1] ~= '0' and ARGV[1] end
if fresh or not feed then call('UNLINK', changes) end
if feed and call('EXISTS', changes) == 0 then
  call('XADD', changes, 'NOMKSTREAM', '0-1', 'removed', '')
  call('XTRIM', changes, 'MAXLEN', '~', feed)
end
if fresh then describe() end
if ARGV[1] ~= '' then
  if feed then call('HSET', meta, 'feed', feed) else call('HDEL', meta, 'feed') end
end
call('HSET', meta, 'board', board)
return 1
