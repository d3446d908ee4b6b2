-- Deletes all of the board except its description, so that version, feed and history continue. If the description is
-- missing, deletes everything: the next write begins a new history.
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
