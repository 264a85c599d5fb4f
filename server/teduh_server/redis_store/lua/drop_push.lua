-- A staff device is woken no more.
-- KEYS[1] hash    device id -> address
-- ARGV[1] bytes   device id
-- ARGV[2] bytes   only if this is its address still; empty: whatever it is
-- Returns integer 1.
if ARGV[2] == '' or redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return 1
