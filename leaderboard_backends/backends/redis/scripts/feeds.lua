-- ARGV: how many changes to return (0 for the versions alone), the number of the last change that the caller knows in each
-- shard, and the keys of the shards' orders. Returns the shards that cannot be read, what INFO says of the server's
-- replication, and for each other shard the number of its last clear, its version, its players, its history, whether it
-- keeps a feed, and the changes after the known one; false for these where they were not read, because there are none or
-- the shards before had enough. Of each that has some, one at least is read, as a clear is waited for in all of them.
local left, first = tonumber(ARGV[1]), 2 + (#ARGV - 1) / 2
local wanted, number = left > 0, 1
local answers = {}
-- All boards have the same script: their orders differ from that of `board`.
local function format_of(kind) return string.match(kind, '^%S*') end
local problems = read_all(first, function(order)
  number = number + 1
  local base = sub(order, 1, -6)
  local found = call('HMGET', base .. 'meta', 'cleared', 'sequence', 'players', 'history', 'feed', 'board')
  if not found[1] then return 'LOST ' .. base .. 'meta' end
  local kind = found[6] or ''
  if format_of(kind) ~= format_of(board) then return 'MISMATCH ' .. kind end
  local version, rows = tonumber(found[2]), false
  if wanted and found[5] and version > tonumber(ARGV[number]) then
    local after = string.format('(%.0f-0', ARGV[number])
    rows = call('XRANGE', base .. 'changes', after, '+', 'COUNT', math.max(1, left))
    left = left - #rows
  end
  answers[#answers + 1] = {tonumber(found[1]), version, tonumber(found[3]), found[4] or '', found[5] and 1 or 0, rows}
end)
return {problems, call('INFO', 'replication'), answers}
