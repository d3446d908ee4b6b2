-- Shared by the scripts that move players.
local most_in_bucket = 48
local players, grown
local started = sequence

-- Six bytes, big endian, which sort as the order of a tie: ascending where ZRANGE reads, inverted where ZREVRANGE does.
local function stamp_of(number)
  if descending then number = 281474976710655 - number end
  local low = number % 16777216
  local high = (number - low) / 16777216
  return string.char(
    math.floor(high / 65536), math.floor(high / 256) % 256, high % 256,
    math.floor(low / 65536), math.floor(low / 256) % 256, low % 256)
end

local function fill(key, fields)
  for first = 1, #fields, 1000 do
    redis.call('HSET', key, unpack(fields, first, math.min(first + 999, #fields)))
  end
end

-- Splits the next bucket in line. Writing both halves anew keeps them packed tightly.
local function split()
  local source = base .. 'p:' .. (buckets - power)
  local records = redis.call('HGETALL', source)
  local staying, moving = {}, {}
  for i = 1, #records, 2 do
    local half = hash(records[i]) % (power * 2) == buckets and moving or staying
    half[#half + 1] = records[i]
    half[#half + 1] = records[i + 1]
  end
  redis.call('DEL', source)
  fill(source, staying)
  fill(base .. 'p:' .. buckets, moving)
  buckets = buckets + 1
  if buckets == power * 2 then power = buckets end
  grown = true
end

local function joined()
  players = players and players + 1 or redis.call('ZCARD', order)
  if players > buckets * most_in_bucket then split() end
end

-- Applies one update and returns the member and the score (as text) that stand after it.
local function apply(id, username, score, key, record, member, standing)
  local stamp
  if standing then
    local new, old = tonumber(score), tonumber(standing)
    if new == old or (best_only and (new > old) ~= descending) then
      stamp, score = string.sub(record, 1, 6), standing
      if username == string.sub(record, 7) then return member, score end
    end
  end
  if not stamp then
    sequence = sequence + 1
    stamp = stamp_of(sequence)
  end
  if record then redis.call('ZREM', order, member) end
  member = stamp .. id .. '\255' .. username
  redis.call('ZADD', order, score, member)
  redis.call('HSET', key, id, stamp .. username)
  if not record then joined() end
  return member, score
end

local function finish()
  if fresh or grown then
    redis.call('HSET', meta, 'board', board, 'buckets', buckets, 'sequence', sequence)
  elseif sequence ~= started then
    redis.call('HSET', meta, 'sequence', sequence)
  end
end
