-- ARGV: player id, radius. Returns the rank of the first entry (from 0), then members and scores; nil for an unknown
-- player.
local rank = standing_of(ARGV[1])
if damaged then return damage() end
if not rank then return false end
local first = math.max(0, rank - ARGV[2])
return {first, call(range_of, order, first, rank + ARGV[2], 'WITHSCORES')}
