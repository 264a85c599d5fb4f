-- Keeps the newest revocation list, whichever node it comes through.
-- KEYS[1] hash    version, text, since
-- ARGV[1] integer the offered list's version
-- ARGV[2] string  its text
-- ARGV[3] integer when the list is forgotten, seconds since 1970
-- ARGV[4] string  since when each entry is on it (JSON)
-- ARGV[5] string  the version with which it was compared (0: none), if it may take the place of that one alone; else empty
-- Returns 1 if the offered list is the one kept, now or before; 0 if a newer one is, or another of the same version; 2 if
-- it would take the place of another than it was compared with.
local held = redis.call('HMGET', KEYS[1], 'version', 'text')
if held[1] then
  local version, offered = tonumber(held[1]), tonumber(ARGV[1])
  if version > offered or (version == offered and held[2] ~= ARGV[2]) then
    return 0
  end
  if version < offered and ARGV[5] ~= '' and held[1] ~= ARGV[5] then
    return 2
  end
end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'text', ARGV[2], 'since', ARGV[4])
redis.call('EXPIREAT', KEYS[1], ARGV[3])
return 1
