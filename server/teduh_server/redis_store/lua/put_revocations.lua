-- Keeps the newest revocation list, whichever node it comes through.
-- KEYS[1] hash    version, text
-- ARGV[1] integer the offered list's version
-- ARGV[2] string  its text
-- ARGV[3] integer when the list is forgotten, seconds since 1970
-- Returns 1 if the offered list is the one kept, now or before; 0 if a newer one is, or another of the same version.
local held = redis.call('HMGET', KEYS[1], 'version', 'text')
if held[1] then
  local version, offered = tonumber(held[1]), tonumber(ARGV[1])
  if version > offered or (version == offered and held[2] ~= ARGV[2]) then
    return 0
  end
end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'text', ARGV[2])
redis.call('EXPIREAT', KEYS[1], ARGV[3])
return 1
