-- Takes a request out of the queue: its survivor cancelled, or has been gone for too long.
-- KEYS[1] zset    waiting
-- KEYS[2] zset    seen
-- KEYS[3] hash    request
-- KEYS[4] zset    offers
-- KEYS[5] hash    seats
-- ARGV[1] string  conversation id, hexadecimal
-- ARGV[2] integer only if last seen at or before, milliseconds; -1: in any case
-- Returns {1 if it was waiting else 0, person to whom it was offered or empty}.
local seen = redis.call('ZSCORE', KEYS[2], ARGV[1])
if ARGV[2] ~= '-1' and seen and tonumber(seen) > tonumber(ARGV[2]) then
  return {0, ''}
end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
local waiting = redis.call('ZREM', KEYS[1], ARGV[1])
local offer = redis.call('HGET', KEYS[3], 'offer')
if offer then
  redis.call('HDEL', KEYS[5], offer .. 'x')
  redis.call('HINCRBY', KEYS[5], offer .. 'o', -1)
end
if waiting == 1 then
  redis.call('HSET', KEYS[3], 'state', 'absent')
  redis.call('HDEL', KEYS[3], 'key_package', 'details', 'known', 'offer', 'until', 'refused', 'misses')
end
return {waiting, offer or ''}
