-- Shared by the scripts of a shard that give stamps: numbers of a sixteenth of 10 µs since 2020, which order ties over all
-- shards. The last argument is a ticket, a multiple of 16 from the board's sequencer, or '' for one from this server's
-- clock. A batch has before it the positions of its updates in it, two bytes each, and every update gets the
-- ticket's stamp of its position. A single update whose ticket is overtaken in this shard gets the stamp after the last
-- one, so that it is ordered as it is applied; the next ticket of the sequencer is above that.
local last = tonumber(call('HGET', meta, 'stamp') or 0)
local ticket = table.remove(ARGV)
local positions = in_batches and table.remove(ARGV)
if ticket == '' then
  ticket = math.max(clock, last)
else
  ticket = ticket + 0
  if ticket < clock - 1600000 or (last > ticket and not positions and (last + 1) % 16 == 0) then
    return redis.error_reply(string.format('LATE %.0f', math.max(last, clock - 800000)))
  end
end
local highest = math.max(ticket, last)
if not positions then
  highest = highest + 1
  stamp = highest
end

-- Sets the stamp of the update at a position of this part of a batch.
local function take_stamp(at)
  stamp = ticket + 1 + byte(positions, 2 * at - 1) * 256 + byte(positions, 2 * at)
  highest = math.max(highest, stamp + 15 - stamp % 16)
end
