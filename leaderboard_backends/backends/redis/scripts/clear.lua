-- Empties the board and keeps its description.
if fresh then return 0 end
call('UNLINK', order)
for first = 0, buckets - 1, 1000 do
  local keys = {}
  for bucket = first, math.min(first + 999, buckets - 1) do keys[#keys + 1] = prefix .. bucket end
  call('UNLINK', unpack(keys))
end
call('HSET', meta, 'buckets', 1)
return 1
