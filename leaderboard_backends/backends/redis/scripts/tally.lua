-- ARGV: number of points, number of shards that may have the points' members, score and member of each point, for each of
-- those shards the version that it must have ('' for any), then the keys of the shards' orders, those shards' first.
-- Returns what `counting.lua` says.
local points, owners = tonumber(ARGV[1]), tonumber(ARGV[2])
local members, texts = {}, {}
for i = 1, points do
  texts[i], members[i] = ARGV[1 + 2 * i], ARGV[2 + 2 * i]
end
return count_all(3 + 2 * points + owners, members, texts, owners)
