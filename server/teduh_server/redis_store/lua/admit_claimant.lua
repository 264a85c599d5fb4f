-- Makes the device that claimed a request a member, on a lease that its first commit ends.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- ARGV[1] bytes   device id
-- Returns integer: its member number, -1 if there is no such conversation.
local v, n, direct = unpack(redis.call('HMGET', KEYS[1], 'v', 'n', 't'))
if not v then
  return -1
end
local number = redis.call('HGET', KEYS[1], 'd:' .. ARGV[1])
if not number then
  number = n
  if direct then
    v = settle(KEYS[1], KEYS[2], v)
  end
  local last = struct.unpack('>I8', v)
  redis.call('HSET', KEYS[1], 'd:' .. ARGV[1], number, 'm' .. number, struct.pack('>I8I8I8I8', last, 0, 0, last),
    'l', number, 'n', n + 1)
end
return tonumber(number)
