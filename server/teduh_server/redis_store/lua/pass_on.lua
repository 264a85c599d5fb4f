-- Publishes a message to the other nodes that hold subscribers of a conversation; stores nothing.
-- KEYS[1] set     nodes that hold subscribers
-- ARGV[1] string  id of the calling node
-- ARGV[2] bytes   the message
-- Returns integer: how many other nodes heard it.
local heard = 0
for _, node in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if node ~= ARGV[1] then
    if redis.call('PUBLISH', 'node:' .. node, ARGV[2]) == 0 then
      redis.call('SREM', KEYS[1], node)
    else
      heard = heard + 1
    end
  end
end
return heard
