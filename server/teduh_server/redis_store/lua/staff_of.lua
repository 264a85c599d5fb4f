-- The staff devices that are in a conversation, or have left it while it goes on, told to who shows its survivor's capability.
-- KEYS[1] hash    conversation state
-- ARGV[1] bytes   SHA-256 of the capability
-- Returns the device ids, joined; empty if there are none, or it is not her conversation.
local devices = {}
if redis.call('HGET', KEYS[1], 'h') == ARGV[1] then
  for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
    local kind = string.sub(name, 1, 2)
    if kind == 'd:' or kind == 'p:' then
      devices[#devices + 1] = string.sub(name, 3)
    end
  end
end
return table.concat(devices)
