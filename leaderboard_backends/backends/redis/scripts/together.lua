-- Updates and increments of many callers, made in their order. ARGV, for each: 'u' or 'i', player id, username, score or
-- delta; after 'U' or 'I' the four limits as well. Returns for each what `update` or `increment` returns, or its error.
-- All is read before the first write, so that a read that fails leaves nothing half done.
local whole_order = call('ZCARD', order) == players
local players_of, calls, known, members = {}, {}, {}, {}
local at = 1
while ARGV[at] do
  local kind, id = ARGV[at], ARGV[at + 1]
  local player = players_of[id]
  if not player then
    damaged = nil
    local key, record, member = find(id)
    if not record and not whole_order then damaged = damaged or order end
    player = {id = id, key = key, record = record, member = member, damaged = damaged}
    players_of[id] = player
    if record then
      known[#known + 1] = player
      members[#members + 1] = member
    end
  end
  local limited = kind == 'U' or kind == 'I'
  calls[#calls + 1] = {at = at, player = player, adds = kind == 'i' or kind == 'I', limited = limited}
  at = at + (limited and 8 or 4)
end
if known[1] then
  local scores = call('ZMSCORE', order, unpack(members))
  for k = 1, #known do
    known[k].standing = scores[k]
    if not scores[k] then known[k].damaged = order end
  end
end

local joined = 0

-- Makes one call, and leaves its player as it is then.
local function make(at, player, adds, limited)
  local username, score = ARGV[at + 2], ARGV[at + 3]
  local old = player.standing and player.standing + 0
  local new = score + 0
  if adds then
    new = add(old or 0, score + 0)
    if not new then return {string.format('%.17g', old or 0)} end
  end
  if limited and breaks(at + 4, old, new, adds and score + 0) then return refusal(old) end
  if adds then score = string.format('%.17g', new) end
  local changed, settled = decide(username, score, player.record, player.standing)
  if changed then
    local member = changed .. '\255' .. player.id
    if feed and not append('score', settled, 'member', member) then return damage() end
    begin()
    if player.record then call('ZREM', order, player.member) else joined = joined + 1 end
    call('ZADD', order, settled, member)
    call('HSET', player.key, player.id, changed)
    player.record, player.member, player.standing = changed, member, settled
  end
  local rank = call(rank_of, order, player.member)
  return adds and {rank, player.standing} or rank
end

local replies = {}
for k, one in ipairs(calls) do
  damaged = one.player.damaged
  replies[k] = damaged and damage() or make(one.at, one.player, one.adds, one.limited)
end
finish(joined)
return replies
