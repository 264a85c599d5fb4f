-- Notes that a node holds no subscribers of a conversation any more.
-- KEYS[1] hash    conversation state
-- ARGV[1] string  id of the node
-- Returns integer 1 if it was registered, else 0.
local nodes = redis.call('HGET', KEYS[1], 'o')
local from = nodes and string.find(nodes, ARGV[1], 1, true)
if not from then
  return 0
end
redis.call('HSET', KEYS[1], 'o', string.sub(nodes, 1, from - 1) .. string.sub(nodes, from + 16))
return 1
