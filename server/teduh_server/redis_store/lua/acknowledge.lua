-- Notes how far members have taken their logs, and trims what every member has; several in one call.
-- KEYS[2i-1] hash    state of the i-th conversation; one may come several times
-- KEYS[2i]   stream  its log
-- ARGV[2i-1] integer member
-- ARGV[2i]   integer seq up to which it has everything
-- Returns a list with an integer for each: the oldest seq kept; 0 if the member is none.
local call, pack, unpack, min = redis.call, struct.pack, struct.unpack, math.min

-- Up to where every member has the log, this one up to `seq`.
local function least_of(state, found, own, seq)
  local least, members = seq, tonumber(found[2])
  local function consider(name, record)
    if record and name ~= own then
      least = min(least, (unpack('>I8', record)))
    end
  end
  for number = 0, min(members, 3) - 1 do
    consider('m' .. number, found[4 + number])
  end
  for number = 3, members - 1 do
    consider('m' .. number, call('HGET', state, 'm' .. number))
  end
  return least
end

local function acknowledge(state, log, member, upto)
  local own = 'm' .. member
  local found = call('HMGET', state, 'v', 'n', own, 'm0', 'm1', 'm2')
  if not found[3] then
    return 0
  end
  local last, epoch, first, bytes, renewed = unpack('>I8I8I8I8I8', found[1])
  local seq = min(tonumber(upto), last)
  if seq <= unpack('>I8', found[3]) then
    return first
  end
  local least = least_of(state, found, own, seq)
  local record = pack('>I8', seq) .. string.sub(found[3], 9)
  if least < first then
    call('HSET', state, own, record)
    return first
  end
  -- What is left is taken for as large, entry by entry, as what has gone.
  bytes = math.floor(bytes * (last - least) / (last - first + 1))
  if least == last then
    call('DEL', log)
  else
    call('XTRIM', log, 'MINID', string.format('%.0f-0', least + 1))
  end
  call('HSET', state, own, record, 'v', pack('>I8I8I8I8I8', last, epoch, least + 1, bytes, renewed))
  return least + 1
end

local kept = {}
for i = 1, #KEYS / 2 do
  kept[i] = acknowledge(KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i - 1], ARGV[2 * i])
end
return kept
