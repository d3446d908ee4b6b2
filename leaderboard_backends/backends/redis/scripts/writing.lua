-- Shared by the scripts that move players.
local most_in_bucket = 16
local started = sequence

-- Before a first change: makes the first hash, from which all others are split, and describes the board, so that one that
-- has that hash also has a description.
local function begin()
  if players == 0 then call('HSET', prefix .. 0, '', '') end
  if fresh then describe() end
end

local upper, upper_bytes

-- Returns the record and the score (as text) after an update and counts the change, or nil where nothing changes. The
-- record of a player who reaches a new score starts with the number of the change, or its stamp, in `tie_bytes` bytes, big
-- endian, so that ties sort by who was first: ascending for ZRANGE, inverted for ZREVRANGE.
local function decide(username, score, record, standing)
  if standing then
    local new, old = score + 0, standing + 0
    if new == old or (best_only and (new > old) ~= descending) then
      if username == sub(record, tie_bytes + 1) then return end
      sequence = sequence + 1
      return sub(record, 1, tie_bytes) .. username, standing
    end
  end
  sequence = sequence + 1
  local number = stamp or sequence
  if descending then number = last_tie - number end
  local low = number % 256
  if number - low ~= upper then
    upper = number - low
    local bytes, rest = {}, upper
    for i = tie_bytes - 1, 1, -1 do
      rest = math.floor(rest / 256)
      bytes[i] = rest % 256
    end
    upper_bytes = char(unpack(bytes))
  end
  return upper_bytes .. char(low) .. username, score
end

-- Whether a write breaks the limits in ARGV from `at` on: lowest score, highest score, largest change, and 1 if a first
-- score is exempt from the largest change. Without limits, ARGV ends before `at`. `standing` is the current score, or
-- false.
local function breaks(at, standing, new, delta)
  if not ARGV[at] then return false end
  if new < ARGV[at] + 0 or new > ARGV[at + 1] + 0 then return true end
  if math.abs(delta or new - (standing or 0)) <= ARGV[at + 2] + 0 then return false end
  if not standing then return ARGV[at + 3] ~= '1' end
  return not best_only or (new ~= standing and (new > standing) == descending)
end

-- The reply to a write that breaks a limit: three strings, the first one the current score ('' for a new player).
local function refusal(standing)
  return {standing and string.format('%.17g', standing) or '', '', ''}
end

-- Splits hashes until there are enough, always the next one in line; stops where that is missing or not a hash. Both
-- halves are written anew, which keeps them compact.
local function grow()
  local function fill(key, fields)
    for first = 1, #fields, 1000 do
      call('HSET', key, unpack(fields, first, math.min(first + 999, #fields)))
    end
  end
  while players > buckets * most_in_bucket do
    local source, target = prefix .. (buckets - power), prefix .. buckets
    local records = redis.pcall('HGETALL', source)
    if not records[1] then return end
    local staying, moving = {'', ''}, {'', ''}
    for i = 1, #records, 2 do
      if records[i] ~= '' then
        local half = hash(records[i]) % (power * 2) == buckets and moving or staying
        half[#half + 1] = records[i]
        half[#half + 1] = records[i + 1]
      end
    end
    call('DEL', source, target)
    fill(source, staying)
    fill(target, moving)
    buckets = buckets + 1
    if buckets == power * 2 then power = buckets end
  end
end

-- Brings the number of buckets up to the number of players, and the description up to date.
local function finish(joined)
  if joined > 0 then
    players = players + joined
    grow()
    describe()
  elseif sequence ~= started then
    call('HSET', meta, 'sequence', sequence)
  end
  if shard then call('HSET', meta, 'stamp', highest) end
end
