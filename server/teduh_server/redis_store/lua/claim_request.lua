-- Takes the next waiting request, or a certain one, on a lease. Under any race one claimant gets it.
-- KEYS[1] zset    waiting, by place in the order of service
-- KEYS[2] zset    leases, by deadline
-- KEYS[3] zset    offers, by deadline
-- KEYS[4] hash    seats
-- ARGV[1] string  conversation id wanted, hexadecimal; empty: the next
-- ARGV[2] bytes   device id of the claimant
-- ARGV[3] integer now, milliseconds
-- ARGV[4] integer lease, milliseconds
-- ARGV[5] integer retention, milliseconds
-- ARGV[6] string  prefix of request keys (same slot)
-- ARGV[7] bytes   the claimant as a person, 16 bytes
-- ARGV[8] integer 1: only if it is offered to this person now; 0: whatever waits
-- ARGV[9] integer lease of a conversation that goes on, milliseconds: its survivor is asked first
-- ARGV[10] string what seat it needs: 'none'; 'one', and she has never said how many she takes; or how many she takes
--   besides the leases that are open, as far as the nodes know
-- Returns {} if there is none, {'full'} if she has no seat free, else {conversation id, key package, details, opened in microseconds, person to whom
--   it was offered or empty}.
local person = ARGV[7]

-- One offer or lease of hers fewer. Of who never said how many she takes, nothing stays.
local function let_go(person)
  if redis.call('HINCRBY', KEYS[4], person .. 'o', -1) <= 0 then
    redis.call('HDEL', KEYS[4], person .. 'o')
  end
end

-- Whether she is in the conversation already, for which staff look for somebody else.
local function is_inside(request)
  local inside = redis.call('HGET', request, 'inside') or ''
  for at = 1, #inside, 32 do
    if string.sub(inside, at, at + 31) == ARGV[2] then
      return true
    end
  end
  return false
end

-- Whether she has a seat left. Who has never said how many she takes has one at a time.
local function has_seat()
  if ARGV[10] == 'none' then
    return true
  end
  local seats, taken, open, other = unpack(
    redis.call('HMGET', KEYS[4], person .. 'c', person .. 't', person .. 'o', person .. 'x'))
  open = tonumber(open or 0)
  if seats then
    return seats - (taken or 0) - open > 0
  end
  if ARGV[10] == 'one' then
    return open == 0
  end
  -- As in offer_requests.lua: the nodes count leases from their beginning, and offers not.
  return redis.call('EXISTS', KEYS[4] .. ':none:' .. person) == 0 and ARGV[10] - (other and 1 or 0) > 0
end

local function take(id, request)
  local package, details, opened, offer = unpack(
    redis.call('HMGET', request, 'key_package', 'details', 'opened', 'offer'))
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZREM', KEYS[3], id)
  -- A request that has expired is passed over.
  if not package then
    return nil
  end
  if offer then
    redis.call('HDEL', KEYS[4], offer .. 'x')
    let_go(offer)
  end
  redis.call('HINCRBY', KEYS[4], person .. 'o', 1)
  redis.call('PEXPIRE', KEYS[4], ARGV[5])
  redis.call('HDEL', request, 'offer', 'until')
  redis.call('HSET', request, 'state', 'leased', 'device', ARGV[2], 'person', person, 'claimed', ARGV[3])
  if package == '' then
    redis.call('PEXPIRE', request, ARGV[5])
  end
  redis.call('ZADD', KEYS[2], ARGV[3] + (package == '' and ARGV[9] or ARGV[4]), id)
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  return {id, package, details, opened, offer or ''}
end

if ARGV[1] == '' then
  local at = 0
  for _ = 1, 100 do
    local id = redis.call('ZRANGE', KEYS[1], at, at)[1]
    if not id then
      return {}
    end
    if is_inside(ARGV[6] .. id) then
      at = at + 1
    elseif not has_seat() then
      return {'full'}
    else
      local taken = take(id, ARGV[6] .. id)
      if taken then
        return taken
      end
    end
  end
  return {}
end

local id, request = ARGV[1], ARGV[6] .. ARGV[1]
if not redis.call('ZSCORE', KEYS[1], id) then
  -- Asked again by the one who holds it: the answer was lost on the way.
  local held = redis.call('HMGET', request, 'state', 'device', 'key_package', 'details', 'opened')
  if held[1] == 'leased' and held[2] == ARGV[2] then
    return {id, held[3], held[4], held[5], ''}
  end
  return {}
end
if is_inside(request) then
  return {}
end
if ARGV[8] == '1' then
  local offer, deadline = unpack(redis.call('HMGET', request, 'offer', 'until'))
  if offer ~= person or tonumber(deadline) < tonumber(ARGV[3]) then
    return {}
  end
end
if not has_seat() then
  return {'full'}
end
return take(id, request) or {}
