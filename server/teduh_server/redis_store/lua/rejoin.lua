-- Registers a node anew after it may have missed messages, and tells what has become of its members.
-- KEYS[1] hash    conversation state
-- ARGV[1] string  id of the calling node
-- ARGV[2] bytes   the conversation id, raw
-- ARGV[3...] integer member numbers that the node serves
-- Returns {} if the conversation has gone, else {last seq, other nodes 0|1, numbers that are members no more...}.
local v, nodes = unpack(redis.call('HMGET', KEYS[1], 'v', 'o'))
if not v then
  return {}
end
nodes = nodes or ''
if not string.find(nodes, ARGV[1], 1, true) then
  -- Whoever took the others for gone has to tell them again.
  for at = 1, #nodes, 16 do
    publish_to_node(string.sub(nodes, at, at + 15), '\002' .. ARGV[2])
  end
  nodes = nodes .. ARGV[1]
  redis.call('HSET', KEYS[1], 'o', nodes)
end
local answer = {(struct.unpack('>I8', v)), #nodes > 16 and 1 or 0}
for i = 3, #ARGV do
  if redis.call('HEXISTS', KEYS[1], 'm' .. ARGV[i]) == 0 then
    answer[#answer + 1] = tonumber(ARGV[i])
  end
end
return answer
