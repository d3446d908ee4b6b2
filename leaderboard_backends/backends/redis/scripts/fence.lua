-- ARGV: where the board was moved; '' lifts the fence.
if fresh then describe() end
if ARGV[1] == '' then call('HDEL', meta, 'moved') else call('HSET', meta, 'moved', ARGV[1]) end
return 1
