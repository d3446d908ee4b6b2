-- ARGV: player id, username, delta, and the limits, if any. Returns the rank (from 0), the score, and for a shard the
-- member; only the old score where the sum breaks the rule.
local id, username, delta = ARGV[1], ARGV[2], tonumber(ARGV[3])
local key, record, member, standing = look_up(id)
if damaged then return damage() end
local old = standing and tonumber(standing) or 0
local sum = add(old, delta)
if not sum then return {string.format('%.17g', old)} end
if breaks(4, standing and old, sum, delta) then return refusal(standing and old) end
local score
member, score = apply(id, username, string.format('%.17g', sum), key, record, member, standing)
if damaged then return damage() end
finish(record and 0 or 1)
local rank = call(rank_of, order, member)
return shard and {rank, score, member} or {rank, score}
