-- Makes the device that claimed a request a member, on a lease that its first commit ends.
-- KEYS[1] hash    conversation state
-- ARGV[1] bytes   device id
-- Returns {} if there is no such conversation, else {member, last seq, epoch}.
local s, n, e = unpack(redis.call('HMGET', KEYS[1], 's', 'n', 'e'))
if not s then
  return {}
end
local number = redis.call('HGET', KEYS[1], 'd:' .. ARGV[1])
if not number then
  number = n
  redis.call('HSET', KEYS[1], 'd:' .. ARGV[1], number, 'a' .. number, s, 'r' .. number, s,
    'c' .. number, 0, 'p' .. number, 0, 'l', number, 'n', n + 1)
end
return {tonumber(number), tonumber(s), tonumber(e)}
