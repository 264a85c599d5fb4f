-- A lease ended without a commit: the request goes back to its place.
-- KEYS[1] zset    waiting, by place in the order of service
-- KEYS[2] zset    leases
-- KEYS[3] zset    seen
-- KEYS[4] hash    request
-- KEYS[5] hash    seats
-- ARGV[1] string  conversation id, hexadecimal
-- ARGV[2] bytes   device id that held the lease
-- ARGV[3] integer retention, milliseconds
-- Returns integer 1 if it waits again, else 0.

-- One offer or lease of hers fewer. Of who never said how many she takes, nothing stays.
local function let_go(person)
  if redis.call('HINCRBY', KEYS[5], person .. 'o', -1) <= 0 then
    redis.call('HDEL', KEYS[5], person .. 'o')
  end
end

local state, device, place, person = unpack(redis.call('HMGET', KEYS[4], 'state', 'device', 'place', 'person'))
if state == 'leased' and device ~= ARGV[2] then
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[1])
if state ~= 'leased' then
  return 0
end
redis.call('HSET', KEYS[4], 'state', 'waiting')
-- Whoever looked has not seen it since it was taken, and is told anew if it still waits in vain.
redis.call('HDEL', KEYS[4], 'device', 'person', 'told')
if person then
  let_go(person)
end
redis.call('ZADD', KEYS[1], place, ARGV[1])
-- Who has given up meanwhile was last seen never, and drops out with the next sweep.
redis.call('ZADD', KEYS[3], 'NX', 0, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return 1
