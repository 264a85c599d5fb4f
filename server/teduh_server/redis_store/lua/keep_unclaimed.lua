-- Lets a conversation that nobody has taken last on, for its opener is there.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- ARGV[1] integer for how long, milliseconds
-- Returns integer: its epoch, -1 if it has gone.
local v = redis.call('HGET', KEYS[1], 'v')
if not v then
  return -1
end
local _, epoch = struct.unpack('>I8I8', v)
if epoch == 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
end
return epoch
