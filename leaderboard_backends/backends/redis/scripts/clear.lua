-- Deletes all of the board except its description, so that version, feed and history continue. If the description is
-- missing, deletes everything: the next write begins a new history. ARGV of a shard: the number of the clear; each is done
-- once, so that anybody can finish one that was cut half-way.
local refused = feed and not fresh and drop_foreign_changes()
if refused then return refused end
local number = shard and tonumber(ARGV[1])
if number and not fresh and tonumber(call('HGET', meta, 'cleared') or 0) >= number then return 1 end
unlink_players()
if fresh and not shard then
  call('UNLINK', meta, changes)
  return 1
end
if number or players > 0 then
  sequence = (sequence or 0) + 1
  append('cleared', number and ARGV[1] or 1)
end
buckets, players = 1, 0
describe()
if number then call('HSET', meta, 'cleared', ARGV[1]) end
return 1
