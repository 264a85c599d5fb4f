-- Makes the device that claimed a request a member, on a lease that its first commit ends.
-- KEYS[1] hash    conversation state
-- ARGV[1] bytes   device id
-- Returns integer: its member number, -1 if there is no such conversation, or somebody has begun it already.
local v, n = unpack(redis.call('HMGET', KEYS[1], 'v', 'n'))
if not v then
  return -1
end
local number = redis.call('HGET', KEYS[1], 'd:' .. ARGV[1])
if not number then
  local last, epoch = struct.unpack('>I8I8', v)
  if epoch > 0 then
    return -1
  end
  number = n
  redis.call('HSET', KEYS[1], 'd:' .. ARGV[1], number, 'm' .. number, struct.pack('>I8I8I8I8', last, 0, 0, last),
    'l', number, 'n', n + 1)
end
return tonumber(number)
