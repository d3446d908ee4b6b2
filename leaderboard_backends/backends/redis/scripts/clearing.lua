-- Shared by the scripts that remove all players.

-- Deletes the order and all hashes of players, wherever the board is damaged, too: without a description of how many
-- there are, a thousand at a time until none is found.
local function unlink_players()
  call('UNLINK', order)
  local first, removed = 0
  repeat
    local keys = {}
    for bucket = first, fresh and first + 999 or math.min(first + 999, buckets - 1) do
      keys[#keys + 1] = prefix .. bucket
    end
    removed = call('UNLINK', unpack(keys))
    first = first + 1000
  until first >= buckets and not (fresh and removed > 0)
end
