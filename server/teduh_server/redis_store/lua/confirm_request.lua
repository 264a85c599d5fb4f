-- The first commit was accepted: the request is answered and its key package no longer needed.
-- KEYS[1] zset    leases
-- KEYS[2] zset    seen
-- KEYS[3] hash    request
-- KEYS[4] zset    waiting
-- KEYS[5] hash    seats
-- KEYS[6] list    taken: when requests were answered, the latest first
-- ARGV[1] string  conversation id, hexadecimal
-- ARGV[2] integer now, milliseconds
-- ARGV[3] integer for how long `taken` is kept, milliseconds
-- ARGV[4] bytes   only if nobody but this device has taken it since, and it does not wait anew; empty: in any case
-- Returns integer: how long she had waited when it was claimed, in milliseconds, if a lease has become an answer;
--   else -1, also of a conversation that goes on, which was answered before.

-- One offer or lease of hers fewer. Of who never said how many she takes, nothing stays.
local function let_go(person)
  if redis.call('HINCRBY', KEYS[5], person .. 'o', -1) <= 0 then
    redis.call('HDEL', KEYS[5], person .. 'o')
  end
end

local state, person, opened, claimed, package, device = unpack(
  redis.call('HMGET', KEYS[3], 'state', 'person', 'opened', 'claimed', 'key_package', 'device'))
if ARGV[4] ~= '' and (state == 'waiting' or state == 'leased' and device ~= ARGV[4]) then
  return -1
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
if not state then
  return -1
end
if person then
  let_go(person)
  if redis.call('HEXISTS', KEYS[5], person .. 'c') == 1 then
    redis.call('HINCRBY', KEYS[5], person .. 't', 1)
  end
end
-- Only that it was answered is left, for a repetition of the question; and that not for long.
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[3], 'state', 'taken')
redis.call('PEXPIRE', KEYS[3], 240000)
if state ~= 'leased' then
  return -1
end
redis.call('LPUSH', KEYS[6], ARGV[2])
redis.call('LTRIM', KEYS[6], 0, 199)
redis.call('PEXPIRE', KEYS[6], ARGV[3])
if package == '' then
  return -1
end
return math.max(0, math.floor(tonumber(claimed) - tonumber(opened) / 1000))
