-- A person says how many conversations more she takes; what was taken before does not count any more.
-- KEYS[1] hash    seats
-- ARGV[1] bytes   the person
-- ARGV[2] integer seats
-- ARGV[3] integer retention, milliseconds
-- Returns integer 1.
if ARGV[2] == '0' then
  -- As if she had never said.
  redis.call('HDEL', KEYS[1], ARGV[1] .. 'c', ARGV[1] .. 't')
  return 1
end
redis.call('HSET', KEYS[1], ARGV[1] .. 'c', ARGV[2], ARGV[1] .. 't', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
