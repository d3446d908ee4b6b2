-- Describes a new board. The calls that change nothing show now, not in the middle of an update, what is not permitted.
redis.call('ZADD', order, 'XX', 0, '')
redis.call('ZREM', order, '')
redis.call('HDEL', base .. 'p:0', '')
redis.call('DEL', base .. 'p:')
redis.call('UNLINK', base .. 'p:')
redis.call('ZCOUNT', order, 0, 0)
if fresh then redis.call('HSET', meta, 'board', board, 'buckets', buckets, 'sequence', sequence) end
return 1
