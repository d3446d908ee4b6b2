-- ARGV: player ids. Returns rank (from 0), score and record of each player, or three nils for an unknown one; of a shard,
-- also its version.
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
if shard then entries[#ARGV * 3 + 1] = sequence end
return damaged and damage() or entries
