-- Publishes a message to the other nodes that hold subscribers of a conversation; stores nothing.
-- KEYS[1] hash    conversation state
-- ARGV[1] string  id of the calling node
-- ARGV[2] bytes   the message
-- Returns integer: how many other nodes heard it.
local nodes = redis.call('HGET', KEYS[1], 'o') or ''
local heard = 0
for at = 1, #nodes, 16 do
  local node = string.sub(nodes, at, at + 15)
  if node ~= ARGV[1] then
    heard = heard + publish_to_node(node, ARGV[2])
  end
end
return heard
