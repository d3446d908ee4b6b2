-- What every script of a board starts with. KEYS[1] is the board's order (a sorted set); `board`, `descending`
-- and `best_only` are set above. A record is what a player's hash holds: six bytes of sequence, then the username.
local order = KEYS[1]
local base = string.sub(order, 1, -6)
local meta = base .. 'meta'

local found = redis.call('HMGET', meta, 'board', 'buckets', 'sequence')
local fresh = not found[1]
if fresh then
  if redis.call('EXISTS', order) == 1 then return redis.error_reply('MISMATCH no description') end
  found = {board, 1, 0}
elseif found[1] ~= board then
  return redis.error_reply('MISMATCH ' .. found[1])
end
local buckets, sequence = tonumber(found[2]), tonumber(found[3])

-- Linear hashing (Litwin 1980): `power` is the largest power of two that is not above the number of buckets.
local _, exponent = math.frexp(buckets)
local power = 2 ^ (exponent - 1)

local function hash(id)
  local value = 0
  for i = 1, #id do value = (value * 1000003 + string.byte(id, i)) % 4294967291 end
  return value
end

local function bucket_of(id)
  local bucket = hash(id) % (power * 2)
  if bucket >= buckets then bucket = bucket - power end
  return base .. 'p:' .. bucket
end

local function find(id)
  local key = bucket_of(id)
  local record = redis.call('HGET', key, id)
  if not record then return key end
  return key, record, string.sub(record, 1, 6) .. id .. '\255' .. string.sub(record, 7)
end

local rank_of = descending and 'ZREVRANK' or 'ZRANK'
local range_of = descending and 'ZREVRANGE' or 'ZRANGE'
