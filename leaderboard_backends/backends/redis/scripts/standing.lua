-- ARGV: player id. Returns rank (from 0) and number of players, or nil.
local key, record, member = find(ARGV[1])
local rank = record and call(rank_of, order, member)
return rank and {rank, call('ZCARD', order)}
