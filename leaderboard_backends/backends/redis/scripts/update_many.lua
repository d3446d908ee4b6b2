-- ARGV: player id, username and score of each update, then the limits, if any. Players are moved in groups in which
-- each occurs once: one ZREM removes the old members of a group, one ZADD adds the new ones. All groups reuse the same
-- tables, and a group is small enough for its part of the board to stay in the processor's caches.
local updates = ARGV
local most_in_group = 64
local group, group_of = 0, {}

-- Converting numbers to text is slow, so the names of hashes are concatenated from parts that many of them share.
local heads, tails = {}, {}

name_of = function(bucket)
  if bucket < 100 then return prefix .. bucket end
  local tail = bucket % 100
  local head, digits = heads[bucket - tail], tails[tail]
  if not head then
    head = prefix .. (bucket - tail) / 100
    heads[bucket - tail] = head
  end
  if not digits then
    digits = tail < 10 and '0' .. tail or '' .. tail
    tails[tail] = digits
  end
  return head .. digits
end

local keys, records, members, leaving, placed = {}, {}, {}, {}, {}

-- Looks up the players of the group that starts at `first`; a new player has no record and an empty member. Returns the
-- size of the group, and how many of its players are new.
local function gather(first)
  local n, joined = 0, 0
  group = group + 1
  for i = first, math.min(#updates, first + 3 * most_in_group - 1), 3 do
    local id = updates[i]
    if group_of[id] == group then break end
    group_of[id] = group
    n = n + 1
    local key, record, member = find(id)
    keys[n], records[n], members[n] = key, record, member or ''
    if not record then joined = joined + 1 end
  end
  return n, joined
end

-- Returns the scores of the group's players. They are read before all writes, even if all players are new, because the
-- read fails where the key is not a sorted set.
local function standings(n)
  local scores = call('ZMSCORE', order, unpack(members, 1, n))
  for k = 1, n do
    if records[k] and not scores[k] then damaged = order end
  end
  return scores
end

-- Moves the group that starts at `first`; returns where the next one starts.
local function move(first)
  local n, joined = gather(first)
  local scores = standings(n)
  if damaged then return first end
  begin()
  local left, filled, i = 0, 0, first
  for k = 1, n do
    local id, record = updates[i], records[k]
    if shard then take_stamp((i + 2) / 3) end
    local changed, score = decide(updates[i + 1], updates[i + 2], record, record and scores[k])
    if changed then
      local member = changed .. '\255' .. id
      if feed and not append('score', score, 'member', member) then return first end
      if record then
        left = left + 1
        leaving[left] = members[k]
      end
      placed[filled + 1], placed[filled + 2] = score, member
      filled = filled + 2
      call('HSET', keys[k], id, changed)
    end
    i = i + 3
  end
  if left > 0 then call('ZREM', order, unpack(leaving, 1, left)) end
  if filled > 0 then call('ZADD', order, unpack(placed, 1, filled)) end
  finish(joined)
  return i
end

-- Returns the refusal if an update breaks a limit, given the scores after the updates before it. Otherwise removes the
-- limits from ARGV.
local function refused()
  local at, given = #ARGV - 3, {}
  for i = 1, at - 1, 3 do
    local id, new = updates[i], updates[i + 2] + 0
    local standing = given[id]
    if standing == nil then
      local _, record, member = find(id)
      standing = record and call('ZSCORE', order, member)
      standing = standing and standing + 0
    end
    if breaks(at, standing, new) then return refusal(standing) end
    local ignored = standing and best_only and (new == standing or (new > standing) ~= descending)
    given[id] = ignored and standing or new
  end
  for i = #ARGV, at, -1 do ARGV[i] = nil end
end

if call('ZCARD', order) ~= players then damaged = order end
local refusal_of_all = #ARGV % 3 == 1 and not damaged and refused()
if refusal_of_all then return refusal_of_all end
local first = 1
while first <= #updates and not damaged do first = move(first) end
if not damaged then return 0 end
return sequence == started and damage() or redis.error_reply('DAMAGED ' .. damaged .. ' in part')
