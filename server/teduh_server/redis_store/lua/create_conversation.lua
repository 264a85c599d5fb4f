-- Begins a conversation with its survivor as member 0, connected to the calling node; does nothing if it exists.
-- KEYS[1] hash    conversation state
-- ARGV[1] bytes   SHA-256 of the survivor's capability
-- ARGV[2] integer now, milliseconds
-- ARGV[3] integer how long it lasts unless it is kept or taken, milliseconds
-- ARGV[4] string  id of the calling node
-- Returns integer 1 if it was created, else 0.
local v = redis.call('HGET', KEYS[1], 'v')
if v then
  -- Whoever takes her for gone and would drop it sees that she is back.
  redis.call('HSET', KEYS[1], 'v', string.sub(v, 1, 32) .. struct.pack('>I8', tonumber(ARGV[2])))
  return 0
end
redis.call('HSET', KEYS[1], 'v', struct.pack('>I8I8I8I8I8', 0, 0, 1, 0, tonumber(ARGV[2])), 'n', 1, 'h', ARGV[1],
  'o', ARGV[4], 'm0', struct.pack('>I8I8I8I8', 0, 0, 0, 0))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
