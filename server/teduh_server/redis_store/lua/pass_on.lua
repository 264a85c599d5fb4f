-- Publishes a message to the other nodes that hold subscribers of a conversation; stores nothing.
-- KEYS[1] hash    conversation state
-- ARGV[1] string  id of the calling node
-- ARGV[2] bytes   the message
-- Returns integer: how many other nodes heard it.
local function tell(node, message)
  if string.sub(node, 1, 1) == 's' then
    -- In a cluster: the channel that the node has for this conversation, in the conversation's slot.
    return redis.call('SPUBLISH', 'node:' .. node .. ':' .. string.match(KEYS[1], '{%x+}'), message)
  end
  return redis.call('PUBLISH', 'node:' .. node, message)
end

local nodes = redis.call('HGET', KEYS[1], 'o') or ''
local heard = 0
for at = 1, #nodes, 16 do
  local node = string.sub(nodes, at, at + 15)
  if node ~= ARGV[1] then
    heard = heard + tell(node, ARGV[2])
  end
end
return heard
