-- Deletes all of the board but its description, of which version, feed and history go on. Without one, all of it: the
-- next write begins a new history.
local refused = feed and not fresh and drop_foreign_changes()
if refused then return refused end
unlink_players()
if fresh then
  call('UNLINK', meta, changes)
  return 1
end
if players > 0 then
  sequence = sequence + 1
  append('cleared', 1)
end
buckets, players = 1, 0
describe()
return 1
