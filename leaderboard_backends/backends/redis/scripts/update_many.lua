-- ARGV: player id, username, score, and so on.
for i = 1, #ARGV, 3 do
  local key, record, member = find(ARGV[i])
  apply(ARGV[i], ARGV[i + 1], ARGV[i + 2], key, record, member, record and redis.call('ZSCORE', order, member))
end
finish()
return 0
