-- ARGV: score and member of a point (a score of '' for the start of the board), how many rows before the point and how many
-- from it on, the worse bound of the rows ('' for none), and the keys of the shards' orders. Returns the shards that
-- cannot be read, and for each shard the number of its last clear, its version, its players, how many of them stand before
-- the point, the rows before it, and those from it on; nothing for one that cannot be read.
local score, member, behind, ahead, bound = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local better_min, better_max, min, max
if score ~= '' then better_min, better_max, min, max = ends_of(score) end
local _, _, bound_min, bound_max = ends_of(bound)

local function rows_of(order, first, stop)
  return stop > first and call(range_of, order, first, stop - 1, 'WITHSCORES') or {}
end

local answers = {}
local problems = read_all(6, function(order)
  local cleared, version, players = state_of(order)
  if not cleared then return version end
  local at = score == '' and 0 or count_before(order, member, better_min, better_max, min, max)
  local stop = math.min(at + ahead, players)
  if bound ~= '' then stop = math.min(stop, call('ZCOUNT', order, bound_min, bound_max)) end
  local before, after = rows_of(order, math.max(0, at - behind), at), rows_of(order, at, stop)
  answers[#answers + 1] = {cleared, version, players, at, before, after}
end)
return {problems, answers}
