-- ARGV: player id, username, score. Returns the rank, from 0.
local id, username, score = ARGV[1], ARGV[2], ARGV[3]
local key, record, member = find(id)
member = apply(id, username, score, key, record, member, record and call('ZSCORE', order, member))
finish(not record)
return call(rank_of, order, member)
