-- Shared by the scripts that change a board.

-- Stores the description; a new one begins a new history, of which no change that is left here is a part.
local function describe()
  if fresh then
    local now = call('TIME')
    call('UNLINK', changes)
    call('HSET', meta, 'board', board, 'history', now[1] .. '.' .. now[2])
    fresh = false
  end
  call('HSET', meta, 'buckets', buckets, 'sequence', sequence, 'players', players)
end

-- The id of a change in the feed.
local function id_of(number) return string.format('%.0f-0', number) end

-- Appends the change that `sequence` numbers, on a board that keeps a feed; cuts the feed at every 64th. Returns false
-- where the feed does not take it. So it comes before all other writes of the change, and then there must be none.
local function append(...)
  if not feed then return true end
  if type(redis.pcall('XADD', changes, id_of(sequence), ...)) == 'table' then
    sequence, damaged = sequence - 1, changes
    return false
  end
  if sequence % 64 == 0 then redis.pcall('XTRIM', changes, 'MAXLEN', '~', feed) end
  return true
end

local function damage()
  return redis.error_reply((damaged == changes and 'FEED ' or 'DAMAGED ') .. damaged)
end
