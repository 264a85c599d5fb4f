-- Notes which device has taken a conversation that goes on: the only one that its survivor may add.
-- KEYS[1] hash    conversation state
-- ARGV[1] bytes   device id
-- Returns {epoch, its member number if it is a member already, else 0}; {} if there is no such conversation, or its
--   survivor has left.
local v, survivor, member = unpack(redis.call('HMGET', KEYS[1], 'v', 'm0', 'd:' .. ARGV[1]))
if not v or not survivor then
  return {}
end
if not member then
  redis.call('HSET', KEYS[1], 'c', ARGV[1])
end
local _, epoch = struct.unpack('>I8I8', v)
return {epoch, tonumber(member or 0)}
