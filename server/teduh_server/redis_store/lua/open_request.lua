-- Puts a request into the queue, or finds the one that the same capability opened before.
-- KEYS[1] zset    waiting, by place in the order of service
-- KEYS[2] zset    seen
-- KEYS[3] string  capability -> conversation id
-- KEYS[4] hash    the request under the proposed id
-- ARGV[1] string  the proposed conversation id, hexadecimal
-- ARGV[2] bytes   key package
-- ARGV[3] bytes   details
-- ARGV[4] integer now, milliseconds
-- ARGV[5] integer retention, milliseconds
-- ARGV[6] string  prefix of request keys (same slot)
-- ARGV[7] integer most requests in the queue
-- ARGV[8] integer head start by urgency, seconds
-- ARGV[9] bytes   device ids of the conversation that it continues, joined; may be empty
-- Returns {conversation id, position, is new 0|1}; position 0: somebody has taken it. {'full'} if the queue is.
local function enqueue(id, request)
  local time = redis.call('TIME')
  local opened = time[1] * 1000000 + time[2]
  local place = string.format('%.0f', opened - ARGV[8] * 1000000)
  redis.call('HDEL', request, 'person', 'device', 'offer', 'until', 'refused', 'misses', 'by')
  redis.call('HSET', request, 'state', 'waiting', 'opened', string.format('%.0f', opened), 'place', place,
    'key_package', ARGV[2], 'details', ARGV[3], 'known', ARGV[9])
  redis.call('ZADD', KEYS[1], place, id)
end

local id, new = redis.call('GET', KEYS[3]), 0
local request = KEYS[4]
if id then
  request = ARGV[6] .. id
else
  id, new = ARGV[1], 1
end
local state = redis.call('HGET', request, 'state')
if not state or state == 'absent' then
  if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[7]) then
    return {'full'}
  end
  enqueue(id, request)
end
redis.call('SET', KEYS[3], id, 'PX', ARGV[5])
redis.call('PEXPIRE', request, ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local rank = redis.call('ZRANK', KEYS[1], id)
if rank then
  redis.call('ZADD', KEYS[2], ARGV[4], id)
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
return {id, rank and rank + 1 or 0, new}
