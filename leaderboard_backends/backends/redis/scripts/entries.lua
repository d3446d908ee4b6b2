-- ARGV: player ids. Returns rank (from 0), score and record of each player, or three nils for an unknown one; of a shard,
-- also the number of its last clear, its version, and its players.
local entries = {}
for i = 1, #ARGV do
  local rank, member, record = standing_of(ARGV[i])
  local at = i * 3
  if rank then
    entries[at - 2], entries[at - 1], entries[at] = rank, call('ZSCORE', order, member), record
  else
    entries[at - 2], entries[at - 1], entries[at] = false, false, false
  end
end
if shard and not damaged then
  local last = #ARGV * 3
  entries[last + 1], entries[last + 2], entries[last + 3] = tonumber(call('HGET', meta, 'cleared') or 0), sequence, players
end
return damaged and damage() or entries
