-- Deletes all of the board but its description, of which version, feed and history go on.
if fresh then return 0 end
local refused = feed and drop_foreign_changes()
if refused then return refused end
unlink_players()
if players > 0 then
  sequence = sequence + 1
  append('cleared', 1)
end
buckets, players = 1, 0
describe()
return 1
