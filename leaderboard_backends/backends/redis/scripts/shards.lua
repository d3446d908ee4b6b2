-- The start of the scripts that read all shards of a node. `board` and `descending` are set in the line above.
local call, byte, sub = redis.call, string.byte, string.sub
local range_of = descending and 'ZREVRANGE' or 'ZRANGE'

-- Returns the number of a shard's last clear, its version, and its players; nil and what is wrong where it cannot be read.
-- Does not look whether the order is missing where it is `counted`: that is seen by what was counted then.
local function state_of(order, counted)
  local meta = sub(order, 1, -6) .. 'meta'
  local found = call('HMGET', meta, 'board', 'cleared', 'sequence', 'players')
  if not found[2] then return nil, 'LOST ' .. meta end
  if found[1] ~= board then return nil, 'MISMATCH ' .. (found[1] or '') end
  local players = counted and tonumber(found[4]) or call('ZCARD', order)
  if players == 0 and found[4] ~= '0' then return nil, 'DAMAGED ' .. order end
  return tonumber(found[2]), tonumber(found[3]), players
end

-- Calls `read` with each key from ARGV[first] on, and returns the shards (from 0) that it could not read, each followed by
-- a text, or false: one shard that cannot be read does not hide the others.
local function read_all(first, read)
  local keys, problems = ARGV, false
  for i = first, #keys do
    local ok, problem = pcall(read, keys[i])
    if not ok or problem then
      problems = problems or {}
      problems[#problems + 1] = i - first
      problems[#problems + 1] = type(problem) == 'table' and problem.err or tostring(problem)
    end
  end
  return problems
end

-- Returns the ends of the scores that are better than one, and of those that are at least as good.
local function ends_of(score)
  if descending then return '(' .. score, '+inf', score, '+inf' end
  return '-inf', '(' .. score, '-inf', score
end

-- Whether a member ranks before another of the same score. Strings are compared byte by byte, as the server's own order:
-- Lua's comparison depends on the locale.
local function precedes(member, other)
  for i = 1, #other do
    local a, b = byte(member, i) or -1, byte(other, i)
    if a ~= b then return (a < b) ~= descending end
  end
  return descending and #member > #other
end

-- Returns how many players stand before a point, given the ends of its score. A member of '' stands before all members
-- of its score, one of '\255' after them.
local function count_before(order, member, better_min, better_max, min, max)
  if member == '\255' then return call('ZCOUNT', order, min, max) end
  local low = call('ZCOUNT', order, better_min, better_max)
  if member == '' then return low end
  local high = call('ZCOUNT', order, min, max)
  local middle = high - 1
  while low < high do
    if precedes(call(range_of, order, middle, middle)[1], member) then low = middle + 1 else high = middle end
    middle = math.floor((low + high) / 2)
  end
  return low
end
