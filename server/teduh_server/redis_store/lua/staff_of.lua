-- The staff devices in a conversation, told to who shows its survivor's capability.
-- KEYS[1] hash    conversation state
-- ARGV[1] bytes   SHA-256 of the capability
-- Returns the device ids, joined; empty if there are none, or it is not her conversation.
if redis.call('HGET', KEYS[1], 'h') ~= ARGV[1] then
  return ''
end
local devices = {}
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(name, 1, 2) == 'd:' then
    devices[#devices + 1] = string.sub(name, 3)
  end
end
return table.concat(devices)
