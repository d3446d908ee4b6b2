-- Shared by the scripts that make or judge tickets: this server's time as a stamp.
local now = redis.call('TIME')
local clock = ((now[1] - 1577836800) * 100000 + math.floor(now[2] / 10)) * 16
