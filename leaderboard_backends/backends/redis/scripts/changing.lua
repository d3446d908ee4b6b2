-- Shared by the scripts that change a board.

-- Stores the description. A new description begins a new history, so changes left from an older one are deleted.
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

-- Appends change number `sequence` to the feed of a board that keeps one, and trims the feed at every 64th change.
-- Returns false where the server refuses the entry. A script calls it before all other writes of the change, and makes
-- none of them if it returns false.
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
