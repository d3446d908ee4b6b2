-- Shared by the scripts that remove all players.

-- Deletes the order and all hashes of players, also on a damaged board. Without a description, the number of hashes is
-- unknown: it tries a thousand at a time until none of them exists.
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
