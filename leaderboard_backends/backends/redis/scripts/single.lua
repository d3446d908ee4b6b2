-- Shared by the scripts that move one player.

-- Looks up the player of an update; notices missing parts of the board before anything is written.
local function look_up(id)
  local key, record, member = find(id)
  local standing = record and call('ZSCORE', order, member)
  if not standing and (record or call('ZCARD', order) ~= players) then damaged = damaged or order end
  return key, record, member, standing
end

-- Applies one update and returns the member and the score (as text) after it; nil where the feed is damaged.
local function apply(id, username, score, key, record, member, standing)
  local changed, settled = decide(username, score, record, standing)
  if not changed then return member, standing end
  local before = member
  member = changed .. '\255' .. id
  if feed and not append('score', settled, 'member', member) then return end
  begin()
  if record then call('ZREM', order, before) end
  call('ZADD', order, settled, member)
  call('HSET', key, id, changed)
  return member, settled
end
