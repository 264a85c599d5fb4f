-- Tells how far a log goes, as a node that may have missed something asks.
-- KEYS[1] hash    conversation state
-- KEYS[2] stream  conversation log
-- Returns integer seq of the newest entry, -1 if there is no such conversation.
local v, lags = unpack(redis.call('HMGET', KEYS[1], 'v', 't'))
if not v then
  return -1
end
if lags then
  v = reconcile(KEYS[1], KEYS[2], v)
end
return (struct.unpack('>I8', v))
