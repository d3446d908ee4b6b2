-- Deletes all keys of the board; the next write describes it anew.
if fresh then return 0 end
call('UNLINK', order, meta)
for first = 0, buckets - 1, 1000 do
  local keys = {}
  for bucket = first, math.min(first + 999, buckets - 1) do keys[#keys + 1] = prefix .. bucket end
  call('UNLINK', unpack(keys))
end
return 1
