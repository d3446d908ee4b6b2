-- ARGV: number of points, number of shards that may have the points' members, score and member of each point, for each of
-- those shards the version that it must have ('' for any), then the keys of the shards' orders, those shards' first.
-- Returns the shards that cannot be read; of all others together the number of the earliest and of the latest clear, the
-- sum of their versions, and their players; how many players stand before each point; the score of each point's member, nil
-- where it is in none of the shards; and 1 if a shard has another version than it must have.
local points, owners = tonumber(ARGV[1]), tonumber(ARGV[2])
local members, ends, counts, scores = {}, {}, {}, {}
for i = 1, points do
  members[i], ends[i] = ARGV[2 + 2 * i], {ends_of(ARGV[1 + 2 * i])}
  counts[i], scores[i] = 0, false
end

local earliest, latest, versions, players, number, changed = math.huge, 0, 0, 0, 0, 0
local found = {}
local problems = read_all(3 + 2 * points + owners, function(order)
  number = number + 1
  local cleared, version, size = state_of(order)
  if not cleared then return version end
  for i = 1, points do
    local range = ends[i]
    found[i] = count_before(order, members[i], range[1], range[2], range[3], range[4])
  end
  if number <= owners then
    local expected = ARGV[2 + 2 * points + number]
    if expected ~= '' and tonumber(expected) ~= version then changed = 1 end
    for i = 1, points do scores[i] = call('ZSCORE', order, members[i]) or scores[i] end
  end
  for i = 1, points do counts[i] = counts[i] + found[i] end
  earliest, latest = math.min(earliest, cleared), math.max(latest, cleared)
  versions, players = versions + version, players + size
end)
return {problems, math.min(earliest, latest), latest, versions, players, counts, scores, changed}
