-- ARGV: player id, username, delta, and the limits, if any. Returns the rank (from 0), the score, and for a shard the
-- member; only the old score where the sum breaks the rule: whole numbers within 2^53 add exactly or are refused, and no sum is infinite.
local exact = 9007199254740992

local function whole(number)
  return number % 1 == 0 and number >= -exact and number <= exact
end

local id, username, delta = ARGV[1], ARGV[2], tonumber(ARGV[3])
local key, record, member, standing = look_up(id)
if damaged then return damage() end
local old = standing and tonumber(standing) or 0
local sum = old + delta
if whole(old) and whole(delta) then
  if not whole(sum) or sum - old ~= delta then return {string.format('%.17g', old)} end
elseif sum == math.huge or sum == -math.huge then
  return {string.format('%.17g', old)}
end
if sum == 0 then sum = 0 end
if breaks(4, standing and old, sum, delta) then return refusal(standing and old) end
local score
member, score = apply(id, username, string.format('%.17g', sum), key, record, member, standing)
if damaged then return damage() end
finish(record and 0 or 1)
local rank = call(rank_of, order, member)
return shard and {rank, score, member} or {rank, score}
