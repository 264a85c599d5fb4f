-- Offers requests: each to the first of the people proposed for it who has a seat left and no other offer open.
-- KEYS[1] zset    offers, by deadline
-- KEYS[2] hash    seats
-- ARGV[1] integer now, milliseconds
-- ARGV[2] integer how long an offer stands, milliseconds
-- ARGV[3] integer retention, milliseconds
-- ARGV[4] string  prefix of request keys (same slot)
-- then for each request: its conversation id (hexadecimal), how many people are proposed, and of each of them: the
--   person (16 bytes), how many conversations more she takes as far as the nodes know
-- Returns an array with one element for each request: the person to whom it is offered now, or empty.
local deadline = ARGV[1] + ARGV[2]
local answer = {}

local function has_seat(person, known)
  local seats, taken, open, other = unpack(
    redis.call('HMGET', KEYS[2], person .. 'c', person .. 't', person .. 'o', person .. 'x'))
  if not seats and known ~= '0' and redis.call('EXISTS', KEYS[2] .. ':none:' .. person) == 0 then
    -- What she said is lost: the store was away then, has begun anew, or has kept it for as long as it keeps anything.
    -- The nodes count a lease from its beginning, here it is one of those that are open; an offer they do not count.
    local leases = tonumber(open or 0) - (other and 1 or 0)
    seats, taken = string.format('%.0f', known + leases), 0
    redis.call('HSET', KEYS[2], person .. 'c', seats, person .. 't', 0)
  end
  return not other and tonumber(seats or 0) - tonumber(taken or 0) - tonumber(open or 0) > 0
end

local function offer(id, request, person)
  redis.call('HSET', request, 'offer', person, 'until', deadline)
  redis.call('ZADD', KEYS[1], deadline, id)
  redis.call('HSET', KEYS[2], person .. 'x', id)
  redis.call('HINCRBY', KEYS[2], person .. 'o', 1)
end

local at = 5
while at <= #ARGV do
  local id, people = ARGV[at], tonumber(ARGV[at + 1])
  local request = ARGV[4] .. id
  local state, offered = unpack(redis.call('HMGET', request, 'state', 'offer'))
  local chosen = ''
  if state == 'waiting' and not offered then
    for each = at + 2, at + 2 * people, 2 do
      if has_seat(ARGV[each], ARGV[each + 1]) then
        chosen = ARGV[each]
        offer(id, request, chosen)
        break
      end
    end
  end
  answer[#answer + 1] = chosen
  at = at + 2 + 2 * people
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return answer
