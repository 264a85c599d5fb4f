-- Notes when staff of a conversation were last heard of, as far as one node knows.
-- KEYS[1] hash    conversation state
-- ARGV[1] integer when, milliseconds
-- Returns integer 1 if that is news, 0 if there is no such conversation or something later is noted.
local v, seen = unpack(redis.call('HMGET', KEYS[1], 'v', 's'))
if not v or seen and tonumber(seen) >= tonumber(ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[1], 's', ARGV[1])
return 1
