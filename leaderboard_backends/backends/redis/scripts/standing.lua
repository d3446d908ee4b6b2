-- ARGV: player id. Returns the rank (from 0) and the number of players, or nil for an unknown player.
local rank = standing_of(ARGV[1])
if damaged then return damage() end
return rank and {rank, players}
