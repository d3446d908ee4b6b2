-- Describes a new board. The calls that change nothing show now, not in the middle of an update, what is not permitted.
call('ZADD', order, 'XX', 0, '')
call('ZREM', order, '')
call('HDEL', base .. 'p:0', '')
call('DEL', base .. 'p:')
call('UNLINK', base .. 'p:')
call('ZCOUNT', order, 0, 0)
if fresh then call('HSET', meta, 'board', board, 'buckets', buckets, 'sequence', sequence) end
return 1
