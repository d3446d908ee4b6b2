-- The start of the scripts that change a shard. A key that never exists cannot be read in a slot whose keys are just being
-- moved one by one to another node: then the script must not begin, as it may find only some of its keys.
if type(redis.pcall('EXISTS', KEYS[1] .. ':none')) == 'table' then return redis.error_reply('MOVING ' .. KEYS[1]) end
