-- Forgets a conversation that nobody has taken: its opener has gone, or has asked for that.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- ARGV[1] integer only if nobody has come to it since, milliseconds
-- Returns integer 1 if it has gone by this, else 0.
local v, lease = unpack(redis.call('HMGET', KEYS[1], 'v', 'l'))
if not v or lease then
  return 0
end
local _, epoch, _, _, renewed = struct.unpack('>I8I8I8I8I8', v)
if epoch > 0 or renewed > tonumber(ARGV[1]) then
  return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
