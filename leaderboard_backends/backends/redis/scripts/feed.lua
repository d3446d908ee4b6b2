-- Shared by the scripts that make sure that the next change can be appended to the feed.

-- Deletes the feed's key unless it holds the changes of this board up to `sequence`. Returns the server's error where
-- XINFO is refused.
local function drop_foreign_changes()
  local stream = redis.pcall('XINFO', 'STREAM', changes)
  local reason, last = stream.err and tostring(stream.err) -- not a string in fakeredis
  if reason and not (string.find(reason, 'WRONGTYPE') or string.find(reason, 'no such key')) then return stream end
  for i = 1, #stream, 2 do
    if stream[i] == 'last-generated-id' then last = stream[i + 1] end
  end
  if last ~= id_of(sequence) then call('UNLINK', changes) end
end
