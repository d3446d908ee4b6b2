-- ARGV: player id, username, score, and so on. Players are moved in groups in which nobody comes twice, with one command
-- for all that a group takes off the order and one for all that it puts there.
local updates = ARGV
local most_in_group = 3000

-- Finds the players of the group that starts at `first`; returns where the next one starts.
local function gather(first, group)
  local seen, n = {}, 0
  local keys, records, members = group.keys, group.records, group.members
  for i = first, #updates, 3 do
    local id = updates[i]
    if seen[id] or i - first >= most_in_group then return i end
    seen[id] = true
    local key, record, member = find(id)
    keys[i], records[i] = key, record
    if record then
      n = n + 1
      members[n] = member
    else
      group.joined = true
    end
  end
  return #updates + 1
end

local function move(first, next, group)
  local keys, records, members = group.keys, group.records, group.members
  local scores = members[1] and call('ZMSCORE', order, unpack(members)) or {}
  local leaving, placed, stored, known = {}, {}, {}, 0
  for i = first, next - 1, 3 do
    local id, username, record = updates[i], updates[i + 1], records[i]
    if record then known = known + 1 end
    local stamp, score = decide(username, updates[i + 2], record, record and scores[known])
    if stamp then
      if record then leaving[#leaving + 1] = members[known] end
      local n = #placed
      placed[n + 1] = score
      placed[n + 2] = stamp .. id .. '\255' .. username
      stored[n + 1] = i
      stored[n + 2] = stamp .. username
    end
  end
  if leaving[1] then call('ZREM', order, unpack(leaving)) end
  if placed[1] then call('ZADD', order, unpack(placed)) end
  for n = 1, #stored, 2 do
    local i = stored[n]
    call('HSET', keys[i], updates[i], stored[n + 1])
  end
end

local first = 1
while first <= #updates do
  local group = {keys = {}, records = {}, members = {}}
  local next = gather(first, group)
  move(first, next, group)
  finish(group.joined)
  first = next
end
return 0
