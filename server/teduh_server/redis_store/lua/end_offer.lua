-- An offer was declined, nobody answered it in time, or nobody is there to do so: the request can be offered to somebody
-- else.
-- KEYS[1] zset    offers, by deadline
-- KEYS[2] hash    seats
-- KEYS[3] hash    request
-- ARGV[1] string  conversation id, hexadecimal
-- ARGV[2] bytes   the person to whom it is offered; empty: whoever that is
-- ARGV[3] bytes   now, milliseconds, eight bytes big-endian
-- ARGV[4] integer only if its deadline is at or before, milliseconds; -1: in any case
-- ARGV[5] integer 1 if the person is not there, who has refused nothing by that; else 0
-- Returns the person to whom it was offered, empty if it was not.

-- One offer or lease of hers fewer. Of who never said how many she takes, nothing stays.
local function let_go(person)
  if redis.call('HINCRBY', KEYS[2], person .. 'o', -1) <= 0 then
    redis.call('HDEL', KEYS[2], person .. 'o')
  end
end

local offer, deadline, refused = unpack(redis.call('HMGET', KEYS[3], 'offer', 'until', 'refused'))
if not offer then
  redis.call('ZREM', KEYS[1], ARGV[1])
  return ''
end
if ARGV[2] ~= '' and offer ~= ARGV[2] or ARGV[4] ~= '-1' and tonumber(deadline) > tonumber(ARGV[4]) then
  return ''
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], offer .. 'x')
let_go(offer)
redis.call('HDEL', KEYS[3], 'offer', 'until')
if ARGV[5] == '1' then
  return offer
end
redis.call('HINCRBY', KEYS[3], 'misses', 1)
-- The last sixteen who refused, 16 bytes each, and when.
redis.call('HSET', KEYS[3], 'refused', string.sub((refused or '') .. offer .. ARGV[3], -384))
return offer
