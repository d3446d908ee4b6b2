-- ARGV: player id, then the keys of the orders of other shards of this node. Returns what `entries.lua` returns of the
-- player's shard, and what `counting.lua` says of the others for the player's place; of none for an unknown player.
local rank, member, record = standing_of(ARGV[1])
if damaged then return damage() end
local score = rank and call('ZSCORE', order, member)
local cleared = tonumber(call('HGET', meta, 'cleared') or 0)
return {
  {rank or false, score or false, record or false, cleared, sequence, players},
  count_all(rank and 2 or #ARGV + 1, {member}, {score}, 0)
}
