-- Shared by the scripts that move players.
local most_in_bucket = 16
local started = sequence
local floor = math.floor

-- The record of a player who reaches a score now. The six bytes, big endian, sort as the order of a tie: ascending where
-- ZRANGE reads, inverted where ZREVRANGE does.
local upper, upper_bytes

local function next_record(username)
  sequence = sequence + 1
  local number = descending and 281474976710655 - sequence or sequence
  local low = number % 256
  if number - low ~= upper then
    upper = number - low
    local bytes, rest = {}, upper
    for i = 5, 1, -1 do
      rest = floor(rest / 256)
      bytes[i] = rest % 256
    end
    upper_bytes = char(unpack(bytes))
  end
  return upper_bytes .. char(low) .. username
end

local function fill(key, fields)
  for first = 1, #fields, 1000 do
    call('HSET', key, unpack(fields, first, math.min(first + 999, #fields)))
  end
end

-- Splits the next bucket in line. Writing both halves anew keeps them packed tightly.
local function split()
  local source = prefix .. (buckets - power)
  local records = call('HGETALL', source)
  local staying, moving = {}, {}
  for i = 1, #records, 2 do
    local half = hash(records[i]) % (power * 2) == buckets and moving or staying
    half[#half + 1] = records[i]
    half[#half + 1] = records[i + 1]
  end
  call('DEL', source)
  fill(source, staying)
  fill(prefix .. buckets, moving)
  buckets = buckets + 1
  if buckets == power * 2 then power = buckets end
end

-- Returns the record and the score (as text) that stand after an update, or nil where nothing changes.
local function decide(username, score, record, standing)
  if standing then
    local new, old = tonumber(score), tonumber(standing)
    if new == old or (best_only and (new > old) ~= descending) then
      if username == sub(record, 7) then return end
      return sub(record, 1, 6) .. username, standing
    end
  end
  return next_record(username), score
end

-- Applies one update and returns the member and the score (as text) that stand after it.
local function apply(id, username, score, key, record, member, standing)
  local changed, settled = decide(username, score, record, standing)
  if not changed then return member, standing end
  if record then call('ZREM', order, member) end
  member = changed .. '\255' .. id
  call('ZADD', order, settled, member)
  call('HSET', key, id, changed)
  return member, settled
end

-- Brings the number of buckets up to the number of players, and the description up to date.
local function finish(joined)
  if joined or fresh then
    local players = call('ZCARD', order)
    while players > buckets * most_in_bucket do split() end
    call('HSET', meta, 'board', board, 'buckets', buckets, 'sequence', sequence)
  elseif sequence ~= started then
    call('HSET', meta, 'sequence', sequence)
  end
end
