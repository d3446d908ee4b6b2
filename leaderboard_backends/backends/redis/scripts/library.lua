-- The start of every script of a board. KEYS[1] is the board's order (a sorted set). `board`, `descending`,
-- `best_only`, `writes`, `removes`, `shard`, `must_exist`, `tie_bytes` and `last_tie` are set in the lines above, and
-- `pass`, the fence that a write expects (false for none). A record
-- is the value of a player's field in a hash: `tie_bytes` bytes with the number of the change with which the player
-- reached the score (in a shard, its stamp), then the username. Each hash also has a field '', so that it is never empty.
local call, byte, char, sub = redis.call, string.byte, string.char, string.sub
local order = KEYS[1]
local base = sub(order, 1, -6)
local meta, changes, prefix = base .. 'meta', base .. 'changes', base .. 'p:'

local found = call('HMGET', meta, 'board', 'buckets', 'sequence', 'players', 'feed', 'moved')
local fresh = not found[1]
if writes and found[6] ~= pass and (fresh or found[1] == board) then
  return redis.error_reply('FENCED ' .. (found[6] or ''))
end
if fresh then
  if not removes and (must_exist or call('EXISTS', order, meta, prefix .. 0) > 0) then
    return redis.error_reply('LOST ' .. meta)
  end
  found = {board, 1, 0, 0}
elseif found[1] ~= board then
  return redis.error_reply('MISMATCH ' .. found[1])
end
local buckets, sequence, players, feed = tonumber(found[2]), tonumber(found[3]), tonumber(found[4]), found[5]
if not (buckets and buckets >= 1 and sequence and players) then
  if not removes then return redis.error_reply('LOST ' .. meta) end
  fresh, buckets = true, 1
end

-- The key that is missing or incomplete, once a script has noticed.
local damaged

-- Linear hashing (Litwin 1980): `power` is the largest power of two that is not above the number of buckets.
local _, exponent = math.frexp(buckets)
local power = 2 ^ (exponent - 1)

-- Hashes eight bytes at a time, modulo the largest prime below 2^32. Every product stays below 2^53, so it is exact.
-- The last multiplication spreads ids that differ in few bits, such as numbered ones, over all buckets.
local function hash(id)
  local value = #id
  for i = 1, value, 8 do
    local a, b, c, d, e, f, g, h = byte(id, i, i + 7)
    value = (value + a * 16777216 + (b or 0) * 65536 + (c or 0) * 256 + (d or 0)) * 1048573 % 4294967291
    if e then
      value = (value + e * 16777216 + (f or 0) * 65536 + (g or 0) * 256 + (h or 0)) * 1048573 % 4294967291
    end
  end
  return value * 1048573 % 4294967291
end

-- Returns the key of a hash by its number; set by a script that needs a faster way than concatenation.
local name_of

-- Returns the key of the player's hash and, for a known player, the record and the member of the sorted set.
local function find(id)
  local bucket = hash(id) % (power * 2)
  if bucket >= buckets then bucket = bucket - power end
  local key = name_of and name_of(bucket) or prefix .. bucket
  local record = call('HGET', key, id)
  if record then return key, record, record .. '\255' .. id end
  if players > 0 and call('EXISTS', key) == 0 then damaged = key end
  return key, false
end

local rank_of = descending and 'ZREVRANK' or 'ZRANK'
