-- Takes a request out of the queue: its survivor cancelled, or has been gone for too long.
-- KEYS[1] zset    waiting
-- KEYS[2] zset    seen
-- KEYS[3] hash    request
-- KEYS[4] zset    offers
-- KEYS[5] hash    seats
-- KEYS[6] zset    leases
-- ARGV[1] string  conversation id, hexadecimal
-- ARGV[2] integer only if last seen at or before, milliseconds; -1: in any case
-- ARGV[3] bytes   only if this staff device put it there; empty: in any case
-- Returns {1 if it was waiting else 0, person to whom it was offered or empty, 1 if its conversation goes on else 0,
--   device and person who had taken it or empty: of a conversation that goes on, where their lease ends by this}.

-- One offer or lease of hers fewer. Of who never said how many she takes, nothing stays.
local function let_go(person)
  if redis.call('HINCRBY', KEYS[5], person .. 'o', -1) <= 0 then
    redis.call('HDEL', KEYS[5], person .. 'o')
  end
end

local seen = redis.call('ZSCORE', KEYS[2], ARGV[1])
if ARGV[2] ~= '-1' and seen and tonumber(seen) > tonumber(ARGV[2]) then
  return {0, '', 0, '', ''}
end
local offer, state, package, person, by, device = unpack(
  redis.call('HMGET', KEYS[3], 'offer', 'state', 'key_package', 'person', 'by', 'device'))
if ARGV[3] ~= '' and by ~= ARGV[3] then
  return {0, '', 0, '', ''}
end
-- An absent survivor's request is dropped when its lease has ended, for it then waits again.
if ARGV[2] ~= '-1' and state == 'leased' then
  return {0, '', 0, '', ''}
end
local was_taken = state == 'leased' and package == ''
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[1])
local waiting = redis.call('ZREM', KEYS[1], ARGV[1])
-- Of a conversation that goes on nothing else ends the lease: she is there, and adds nobody.
if was_taken then
  redis.call('ZREM', KEYS[6], ARGV[1])
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[3], 'state', 'taken')
  redis.call('PEXPIRE', KEYS[3], 240000)
  if person then
    let_go(person)
  end
end
if offer then
  redis.call('HDEL', KEYS[5], offer .. 'x')
  let_go(offer)
end
if waiting == 1 then
  redis.call('DEL', KEYS[3])
end
return {waiting, offer or '', package == '' and 1 or 0, was_taken and device or '', was_taken and person or ''}
