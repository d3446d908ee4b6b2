-- What every script of a board starts with. KEYS[1] is the board's order (a sorted set); `board`, `descending`
-- and `best_only` are set above. A record is what a player's hash holds: six bytes of sequence, then the username.
local call, byte, char, sub = redis.call, string.byte, string.char, string.sub
local order = KEYS[1]
local base = sub(order, 1, -6)
local meta = base .. 'meta'

local found = call('HMGET', meta, 'board', 'buckets', 'sequence')
local fresh = not found[1]
if fresh then
  if call('EXISTS', order, meta) > 0 then return redis.error_reply('MISMATCH no description') end
  found = {board, 1, 0}
elseif found[1] ~= board then
  return redis.error_reply('MISMATCH ' .. found[1])
end
local buckets, sequence = tonumber(found[2]), tonumber(found[3])

-- Linear hashing (Litwin 1980): `power` is the largest power of two that is not above the number of buckets.
local _, exponent = math.frexp(buckets)
local power = 2 ^ (exponent - 1)

-- Four bytes at a time, modulo the largest prime below 2^32; every product stays below 2^53, so it is exact. The last
-- multiplication spreads ids that differ in few bits, such as numbered ones, over all buckets.
local function hash(id)
  local value = #id
  for i = 1, value, 4 do
    local a, b, c, d = byte(id, i, i + 3)
    value = (value + a * 16777216 + (b or 0) * 65536 + (c or 0) * 256 + (d or 0)) * 1048573 % 4294967291
  end
  return value * 1048573 % 4294967291
end

local prefix = base .. 'p:'

local function bucket_of(id)
  local bucket = hash(id) % (power * 2)
  if bucket >= buckets then bucket = bucket - power end
  return prefix .. bucket
end

local function find(id)
  local key = bucket_of(id)
  local record = call('HGET', key, id)
  return key, record, record and record .. '\255' .. id
end

local rank_of = descending and 'ZREVRANK' or 'ZRANK'
local range_of = descending and 'ZREVRANGE' or 'ZRANGE'
