-- Shared by the scripts that remove all players.

-- Deletes the order and all hashes of players, wherever the board is damaged, too.
local function unlink_players()
  call('UNLINK', order)
  for first = 0, buckets - 1, 1000 do
    local keys = {}
    for bucket = first, math.min(first + 999, buckets - 1) do keys[#keys + 1] = prefix .. bucket end
    call('UNLINK', unpack(keys))
  end
end
