-- Shared by the scripts that count, in all shards of a node, the players before points.

-- Returns of the shards whose orders are ARGV from `first` on: those that cannot be read; of all others together the number
-- of the earliest and of the latest clear, the sum of their versions, and their players; how many players stand before
-- each point; the score of each point's member, nil where it is in none of the first `owners` shards; and 1 if one of
-- these has another version than it must have, which is ARGV in front of `first` ('' for any).
local function count_all(first, members, texts, owners)
  local points = #members
  local ends, counts, scores = {}, {}, {}
  for i = 1, points do
    ends[i], counts[i], scores[i] = {ends_of(texts[i])}, 0, false
  end
  local earliest, latest, versions, players, number, changed = math.huge, 0, 0, 0, 0, 0
  local found = {}
  local problems = read_all(first, function(order)
    number = number + 1
    local cleared, version, size = state_of(order, points > 0)
    if not cleared then return version end
    local all = 0
    for i = 1, points do
      local range = ends[i]
      found[i] = count_before(order, members[i], range[1], range[2], range[3], range[4])
      all = all + found[i]
    end
    if points > 0 and all == 0 and size > 0 and call('EXISTS', order) == 0 then return 'DAMAGED ' .. order end
    if number <= owners then
      local expected = ARGV[first - 1 - owners + number]
      if expected ~= '' and tonumber(expected) ~= version then changed = 1 end
      local standing = points > 0 and call('ZMSCORE', order, unpack(members)) or {}
      for i = 1, points do scores[i] = standing[i] or scores[i] end
    end
    for i = 1, points do counts[i] = counts[i] + found[i] end
    earliest, latest = math.min(earliest, cleared), math.max(latest, cleared)
    versions, players = versions + version, players + size
  end)
  return {problems, math.min(earliest, latest), latest, versions, players, counts, scores, changed}
end
