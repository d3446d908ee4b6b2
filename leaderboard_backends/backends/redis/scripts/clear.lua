-- Deletes all of the board but its description, of which version, feed and history go on. Without a feed, nobody follows
-- the board: where it stays empty for a day, the description goes as well, and the next one begins another history.
if fresh then return 0 end
unlink_players()
if players > 0 then
  sequence = sequence + 1
  append('cleared', 1)
end
buckets, players = 1, 0
describe()
if not feed then call('EXPIRE', meta, 86400) end
return 1
