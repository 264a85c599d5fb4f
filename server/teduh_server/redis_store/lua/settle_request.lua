-- The first commit was accepted: the request is answered and its key package no longer needed.
-- KEYS[1] zset    leases
-- KEYS[2] zset    seen
-- KEYS[3] hash    request
-- KEYS[4] zset    waiting
-- ARGV[1] string  conversation id, hexadecimal
-- Returns integer 1 if there was such a request, else 0.
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
if redis.call('EXISTS', KEYS[3]) == 0 then
  return 0
end
redis.call('HSET', KEYS[3], 'state', 'taken')
redis.call('HDEL', KEYS[3], 'key_package', 'details', 'device')
return 1
