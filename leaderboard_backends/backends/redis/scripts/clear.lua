-- Deletes all of the board but its description, of which version, feed and history go on.
if fresh then return 0 end
call('UNLINK', order)
for first = 0, buckets - 1, 1000 do
  local keys = {}
  for bucket = first, math.min(first + 999, buckets - 1) do keys[#keys + 1] = prefix .. bucket end
  call('UNLINK', unpack(keys))
end
if players > 0 then
  sequence = sequence + 1
  append('cleared', 1)
end
buckets, players = 1, 0
describe()
return 1
