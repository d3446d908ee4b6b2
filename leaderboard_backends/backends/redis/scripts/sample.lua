-- ARGV: a number of ranks (from 0), these in ascending order, and the keys of the shards' orders. Returns the shards that
-- cannot be read, and for each other the number of its last clear, its version, its players, and the members and scores at
-- those of the ranks that it has.
local ranks = tonumber(ARGV[1])
local answers = {}
local problems = read_all(2 + ranks, function(order)
  local cleared, version, players = state_of(order)
  if not cleared then return version end
  local rows = {}
  for i = 2, ranks + 1 do
    local row = call(range_of, order, ARGV[i], ARGV[i], 'WITHSCORES')
    if not row[1] then break end
    rows[#rows + 1], rows[#rows + 2] = row[1], row[2]
  end
  answers[#answers + 1] = {cleared, version, players, rows}
end)
return {problems, answers}
