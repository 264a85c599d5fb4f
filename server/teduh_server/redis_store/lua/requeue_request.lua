-- Puts a conversation that goes on back into the queue: its survivor looks for somebody else, or staff for a colleague.
-- KEYS[1] zset    waiting, by place in the order of service
-- KEYS[2] zset    seen
-- KEYS[3] hash    request
-- ARGV[1] string  conversation id, hexadecimal
-- ARGV[2] bytes   details
-- ARGV[3] integer now, milliseconds
-- ARGV[4] integer retention, milliseconds
-- ARGV[5] integer head start by urgency, seconds
-- ARGV[6] bytes   device id of the staff member who looks for a colleague; empty: it is the survivor
-- ARGV[7] bytes   that staff member as a person, 16 bytes, to whom it is not offered; empty likewise
-- ARGV[8] bytes   device ids of the staff who are in it, joined: for them it is not; empty likewise
-- Returns {position, is new 0|1, device id of who has taken it or empty}; {'sought'} if somebody
--   else in the conversation looks for somebody.
local state, device, by = unpack(redis.call('HMGET', KEYS[3], 'state', 'device', 'by'))
local is_open = state == 'waiting' or state == 'leased'
if is_open and ARGV[6] ~= '' and by ~= ARGV[6] then
  return {'sought'}
end
if is_open and ARGV[6] == '' and by and by ~= '' then
  -- What staff look for becomes hers.
  -- Elsewhere than before, if only by a microsecond: whoever has looked at it there looks again.
  local place = string.format('%.0f', redis.call('HGET', KEYS[3], 'opened') - ARGV[5] * 1000000 + 1)
  redis.call('HSET', KEYS[3], 'by', '', 'details', ARGV[2], 'place', place)
  redis.call('HDEL', KEYS[3], 'refused', 'misses', 'told', 'inside')
  redis.call('ZADD', KEYS[1], 'XX', place, ARGV[1])
end
if state == 'leased' then
  return {0, 0, device}
end
local new = 0
if state ~= 'waiting' then
  local time = redis.call('TIME')
  local opened = time[1] * 1000000 + time[2]
  local place = string.format('%.0f', opened - ARGV[5] * 1000000)
  redis.call('HDEL', KEYS[3], 'person', 'device', 'offer', 'until', 'refused', 'misses', 'told')
  -- No key package: whoever takes it is added, and adds nobody.
  redis.call('HSET', KEYS[3], 'state', 'waiting', 'opened', string.format('%.0f', opened), 'place', place,
    'key_package', '', 'details', ARGV[2], 'known', '', 'by', ARGV[6])
  if ARGV[7] ~= '' then
    -- As if she had refused it, until 2^53 milliseconds.
    redis.call('HSET', KEYS[3], 'refused', ARGV[7] .. struct.pack('>I8', 9007199254740991))
  end
  redis.call('ZADD', KEYS[1], place, ARGV[1])
  new = 1
end
redis.call('HSET', KEYS[3], 'inside', ARGV[8])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
for _, key in ipairs({KEYS[1], KEYS[2], KEYS[3]}) do
  redis.call('PEXPIRE', key, ARGV[4])
end
return {redis.call('ZRANK', KEYS[1], ARGV[1]) + 1, new, ''}
