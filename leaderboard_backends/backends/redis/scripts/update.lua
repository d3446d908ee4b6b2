-- ARGV: player id, username, score, and the limits, if any. Returns the rank (from 0), and for a shard score and member.
local id, username, score = ARGV[1], ARGV[2], ARGV[3]
local key, record, member, standing = look_up(id)
if damaged then return damage() end
if ARGV[4] then
  local old = standing and standing + 0
  if breaks(4, old, score + 0) then return refusal(old) end
end
member, standing = apply(id, username, score, key, record, member, standing)
if damaged then return damage() end
finish(record and 0 or 1)
local rank = call(rank_of, order, member)
return shard and {rank, standing, member} or rank
