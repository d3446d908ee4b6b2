-- Describes a new board. The calls that change nothing show now, not in the middle of an update, what is not permitted.
call('ZADD', order, 'XX', 0, '')
call('ZREM', order, '')
call('HDEL', prefix .. 0, '')
call('DEL', prefix)
call('UNLINK', prefix)
call('ZCOUNT', order, 0, 0)
call('ZMSCORE', order, '')
call('HGETALL', prefix)
call('HSET', meta, 'board', board, 'buckets', buckets, 'sequence', sequence)
return 1
