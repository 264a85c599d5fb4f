-- Library, put before the scripts that tell other nodes something of the conversation whose state is KEYS[1].

-- Returns integer: whether the node listens.
local function publish_to_node(node, message)
  if string.sub(node, 1, 1) == 's' then
    -- In a cluster: the channel that the node has for this conversation, in the conversation's slot.
    return redis.call('SPUBLISH', 'node:' .. node .. ':' .. string.match(KEYS[1], '{%x+}'), message)
  end
  return redis.call('PUBLISH', 'node:' .. node, message)
end

