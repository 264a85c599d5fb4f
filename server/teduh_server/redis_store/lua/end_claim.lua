-- Takes back the right to be added to a conversation that goes on, for nobody is sought any more.
-- KEYS[1] hash    conversation state
-- ARGV[1] bytes   device id
-- Returns integer 1 if the device is a member by now, else 0.
local claimant, number = unpack(redis.call('HMGET', KEYS[1], 'c', 'd:' .. ARGV[1]))
if claimant == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'c')
end
return number and 1 or 0
