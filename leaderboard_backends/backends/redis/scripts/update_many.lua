-- ARGV: player id, username, score, and so on. Players are moved in groups in which nobody comes twice, with one command
-- for all that a group takes off the order and one for all that it puts there.
local updates = ARGV
local most_in_group = 1000

-- Finds the players of the group that starts at `first`; a new player has no record and an empty member.
local function gather(first)
  local seen, keys, records, members = {}, {}, {}, {}
  local n, joined = 0, false
  for i = first, #updates, 3 do
    local id = updates[i]
    if seen[id] or n == most_in_group then break end
    seen[id] = true
    n = n + 1
    local key, record, member = find(id)
    keys[n], records[n], members[n] = key, record, member or ''
    if not record then joined = true end
  end
  return n, keys, records, members, joined
end

-- Moves the group that starts at `first`; returns where the next one starts. Reading the scores comes before all writes
-- even where all players are new, as it fails where the key holds something else than an order.
local function move(first)
  local n, keys, records, members, joined = gather(first)
  local scores = call('ZMSCORE', order, unpack(members))
  local leaving, placed, left, moved, i = {}, {}, 0, 0, first
  for k = 1, n do
    local id, username, record = updates[i], updates[i + 1], records[k]
    local stamp, score = decide(username, updates[i + 2], record, record and scores[k])
    if stamp then
      if record then
        left = left + 1
        leaving[left] = members[k]
      end
      record = stamp .. username
      placed[moved + 1], placed[moved + 2] = score, record .. '\255' .. id
      moved = moved + 2
      call('HSET', keys[k], id, record)
    end
    i = i + 3
  end
  if left > 0 then call('ZREM', order, unpack(leaving)) end
  if moved > 0 then call('ZADD', order, unpack(placed)) end
  finish(joined)
  return i
end

local first = 1
while first <= #updates do first = move(first) end
return 0
