-- ARGV: player ids. Returns rank (from 0), score and username of each, or three nils.
local entries = {}
for i = 1, #ARGV do
  local key, record, member = find(ARGV[i])
  local at = i * 3
  entries[at - 2] = record and call(rank_of, order, member)
  entries[at - 1] = record and call('ZSCORE', order, member)
  entries[at] = record and sub(record, 7)
  if not entries[at] then entries[at - 2], entries[at - 1], entries[at] = false, false, false end
end
return entries
