-- Shared by the scripts that see to it that the feed takes the next change.

-- Drops what is under the feed's key unless it is the changes of this board up to `sequence`. Returns the server's error
-- where it does not let that be asked.
local function drop_foreign_changes()
  local stream = redis.pcall('XINFO', 'STREAM', changes)
  local reason, last = stream.err and tostring(stream.err) -- in fakeredis, it is no string
  if reason and not (string.find(reason, 'WRONGTYPE') or string.find(reason, 'no such key')) then return stream end
  for i = 1, #stream, 2 do
    if stream[i] == 'last-generated-id' then last = stream[i + 1] end
  end
  if last ~= id_of(sequence) then call('UNLINK', changes) end
end
