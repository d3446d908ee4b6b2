-- Shared by the scripts that read players.
local range_of = descending and 'ZREVRANGE' or 'ZRANGE'

-- Returns the rank (from 0), the member and the record of a player, or nil.
local function standing_of(id)
  local key, record, member = find(id)
  local rank = record and call(rank_of, order, member)
  if rank then return rank, member, record end
  if record then damaged = order end
end

local function damage()
  return redis.error_reply('DAMAGED ' .. damaged)
end
