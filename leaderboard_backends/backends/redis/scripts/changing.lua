-- Shared by the scripts that change a board.

-- Stores the description; a new one begins a new history.
local function describe()
  if fresh then
    local now = call('TIME')
    call('HSET', meta, 'board', board, 'history', now[1] .. '.' .. now[2])
  end
  call('HSET', meta, 'buckets', buckets, 'sequence', sequence, 'players', players)
end

-- Appends the change that `sequence` numbers, on a board that keeps a feed; cuts the feed at every 64th.
local function append(...)
  if not feed then return end
  call('XADD', changes, string.format('%d-0', sequence), ...)
  if sequence % 64 == 0 then call('XTRIM', changes, 'MAXLEN', '~', feed) end
end

local function damage()
  return redis.error_reply('DAMAGED ' .. damaged)
end
