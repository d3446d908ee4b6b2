-- ARGV: player id. Returns rank (from 0) and number of players, or nil.
local rank = standing_of(ARGV[1])
if damaged then return damage() end
return rank and {rank, players}
