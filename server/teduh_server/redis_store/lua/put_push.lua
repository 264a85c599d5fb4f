-- Notes how a staff device is woken; the key lives as long as its longest entry.
-- KEYS[1] hash    device id -> address
-- ARGV[1] bytes   device id
-- ARGV[2] bytes   address
-- ARGV[3] integer for how long, milliseconds
-- Returns integer 1.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
