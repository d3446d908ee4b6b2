-- Shared by the scripts that count, in all shards of a node, the players before points.

-- Returns of the shards whose orders are ARGV from `first` on: those that cannot be read, or false; of all others together
-- the number of the earliest and of the latest clear, the sum of their versions, and their players; 1 if one of the first
-- `owners` shards has another version than it must have, which is ARGV in front of `first` ('' for any); the score of each
-- point's member, nil where it is in none of these shards, or false where there are none; and how many players stand before
-- each point. A reply has few tables, as each costs more than ten numbers.
local function count_all(first, members, texts, owners)
  local points = #members
  local better_min, better_max, min, max, found, counts, scores = {}, {}, {}, {}, {}, {}, false
  for i = 1, points do
    better_min[i], better_max[i], min[i], max[i] = ends_of(texts[i])
    counts[i] = 0
  end
  local earliest, latest, versions, players, number, changed = math.huge, 0, 0, 0, 0, 0
  local problems = read_all(first, function(order)
    number = number + 1
    local cleared, version, size = state_of(order, points > 0)
    if not cleared then return version end
    local all = 0
    for i = 1, points do
      local before = count_before(order, members[i], better_min[i], better_max[i], min[i], max[i])
      found[i], all = before, all + before
    end
    if points > 0 and all == 0 and size > 0 and call('EXISTS', order) == 0 then return 'DAMAGED ' .. order end
    if number <= owners then
      local expected = ARGV[first - 1 - owners + number]
      if expected ~= '' and tonumber(expected) ~= version then changed = 1 end
      local standing = points > 0 and call('ZMSCORE', order, unpack(members)) or {}
      scores = scores or {}
      for i = 1, points do scores[i] = standing[i] or scores[i] or false end
    end
    for i = 1, points do counts[i] = counts[i] + found[i] end
    if cleared < earliest then earliest = cleared end
    if cleared > latest then latest = cleared end
    versions, players = versions + version, players + size
  end)
  return {problems, math.min(earliest, latest), latest, versions, players, changed, scores, unpack(counts)}
end
