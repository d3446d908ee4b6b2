-- ARGV: the number of the last change that the caller knows ('' asks for the version alone), the limit. Returns history
-- and version; for a board with a feed also the id of the oldest change kept ('' for none) and the changes after the
-- known one.
local version = {call('HGET', meta, 'history') or '', sequence}
if ARGV[1] == '' or not feed then return version end
local function id_of(number) return string.format('%.0f-0', number) end
local oldest = call('XRANGE', changes, '-', '+', 'COUNT', 1)[1]
local rows = {}
if ARGV[2] ~= '0' then rows = call('XRANGE', changes, id_of(ARGV[1] + 1), '+', 'COUNT', ARGV[2]) end
version[3], version[4] = oldest and oldest[1] or '', rows
return version
