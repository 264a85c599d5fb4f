-- Keeps the newest revocation list and the authority statement under which it counts, whichever node they come through.
-- KEYS[1] hash    version, text, since: the list's; authority_version, authority: the statement's
-- ARGV[1] integer the offered list's version
-- ARGV[2] string  its text
-- ARGV[3] integer the version of its authority statement
-- ARGV[4] string  that statement's text
-- ARGV[5] integer when they are forgotten, seconds since 1970
-- ARGV[6] string  since when each entry is on the list (JSON)
-- ARGV[7] string  the version of the authority statement with which they were compared, if they may take the place of that
--                 one alone; else empty
-- ARGV[8] string  the same of the list (both 0: none)
-- Returns 1 if what is offered is kept, now or before; 0 if something newer is, or another of the same version; 2 if
-- it would take the place of another than it was compared with.
local held = redis.call('HMGET', KEYS[1], 'authority_version', 'authority', 'version', 'text')
local statement, version = tonumber(held[1] or 0), tonumber(held[3] or 0)
local offered_statement, offered = tonumber(ARGV[3]), tonumber(ARGV[1])
if statement > offered_statement or (statement == offered_statement and version > offered) then
  return 0
end
if statement == offered_statement and version == offered then
  if (held[2] or '') ~= ARGV[4] or held[4] ~= ARGV[2] then
    return 0
  end
elseif ARGV[7] ~= '' and (statement ~= tonumber(ARGV[7]) or version ~= tonumber(ARGV[8])) then
  return 2
end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'text', ARGV[2], 'since', ARGV[6],
  'authority_version', ARGV[3], 'authority', ARGV[4])
redis.call('EXPIREAT', KEYS[1], ARGV[5])
return 1
