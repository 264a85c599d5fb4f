-- The staff devices that are in a conversation, or were when it ended, told to who shows its survivor's capability.
-- KEYS[1] hash    conversation state
-- KEYS[2] hash    parted
-- ARGV[1] bytes   SHA-256 of the capability
-- Returns the device ids, joined; empty if there are none, or it is not her conversation.
local devices = {}
for _, key in ipairs(KEYS) do
  if redis.call('HGET', key, 'h') == ARGV[1] then
    for _, name in ipairs(redis.call('HKEYS', key)) do
      if string.sub(name, 1, 2) == 'd:' then
        devices[#devices + 1] = string.sub(name, 3)
      end
    end
  end
end
return table.concat(devices)
