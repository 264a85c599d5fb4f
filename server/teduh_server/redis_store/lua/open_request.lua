-- Puts a request into the queue, or finds the one that the same capability opened before, under the same id.
-- KEYS[1] zset    waiting, by place in the order of service
-- KEYS[2] zset    seen
-- KEYS[3] hash    request
-- ARGV[1] string  conversation id, hexadecimal
-- ARGV[2] bytes   key package
-- ARGV[3] bytes   details
-- ARGV[4] integer now, milliseconds
-- ARGV[5] integer retention, milliseconds
-- ARGV[6] integer head start by urgency, less what it is held back behind others of its source, seconds
-- ARGV[7] bytes   device ids of the conversation that it continues, joined; may be empty
-- ARGV[8] integer how long the request lasts unless it is kept, milliseconds
-- Returns {position, is new 0|1, place}; position 0: somebody has taken it.
local request = KEYS[3]
local state = redis.call('HGET', request, 'state')
if not state then
  local time = redis.call('TIME')
  local opened = time[1] * 1000000 + time[2]
  local place = string.format('%.0f', opened - ARGV[6] * 1000000)
  redis.call('HSET', request, 'state', 'waiting', 'opened', string.format('%.0f', opened), 'place', place,
    'key_package', ARGV[2], 'details', ARGV[3], 'known', ARGV[7])
  redis.call('ZADD', KEYS[1], place, ARGV[1])
end
redis.call('PEXPIRE', request, ARGV[8])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local rank = redis.call('ZRANK', KEYS[1], ARGV[1])
if rank or state == 'leased' then
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
return {rank and rank + 1 or 0, state and 0 or 1, redis.call('HGET', request, 'place') or '0'}
