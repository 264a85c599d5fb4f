-- Registers a node anew after it may have missed messages, and tells what has become of its members.
-- KEYS[1] hash    conversation state
-- KEYS[2] set     nodes that hold subscribers
-- ARGV[1] string  id of the calling node
-- ARGV[2] integer retention, milliseconds
-- ARGV[3...] integer member numbers that the node serves
-- Returns {} if the conversation has gone, else {last seq, other nodes 0|1, numbers that are members no more...}.
local s = redis.call('HGET', KEYS[1], 's')
if not s then
  return {}
end
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2] + 60000)
local answer = {tonumber(s), redis.call('SCARD', KEYS[2]) > 1 and 1 or 0}
for i = 3, #ARGV do
  if redis.call('HEXISTS', KEYS[1], 'a' .. ARGV[i]) == 0 then
    answer[#answer + 1] = tonumber(ARGV[i])
  end
end
return answer
