-- Counts what happened today: numbers only.
-- KEYS[1] hash    the day
-- ARGV[1] integer for how long it is kept, milliseconds
-- ARGV[2...] in turn, string: what happened; integer: how often
-- Returns integer 1.
for each = 2, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[each], ARGV[each + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
