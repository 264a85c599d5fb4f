-- Notes how far members have taken their logs, and trims what every member has; several in one call.
-- KEYS[2i-1] hash    state of the i-th conversation; one may come several times
-- KEYS[2i]   stream  its log
-- ARGV[2i-1] integer member
-- ARGV[2i]   integer seq up to which it has everything
-- Returns a list with an integer for each: the oldest seq kept, 0 if the member is none.
local call, pack, unpack, min, format = redis.call, struct.pack, struct.unpack, math.min, string.format

local function acknowledge(state, log, member, upto)
  local own = 'm' .. member
  local found = call('HMGET', state, 'v', 'n', own, 'm0', 'm1', 'm2')
  local v, members, record = found[1], tonumber(found[2]), found[3]
  if not record then
    return 0
  end
  local last, epoch, first, bytes, renewed = unpack('>I8I8I8I8I8', v)
  local seq = min(tonumber(upto), last)
  if seq <= unpack('>I8', record) then
    return first
  end
  -- Up to where every member has the log.
  local least = seq
  for number = 0, members - 1 do
    local name = 'm' .. number
    local other = number < 3 and found[4 + number] or number >= 3 and call('HGET', state, name)
    if other and name ~= own then
      least = min(least, (unpack('>I8', other)))
    end
  end
  if least >= first then
    -- What is left is taken for as large, entry by entry, as what has gone. A log that is empty stays as long as the
    -- state, so that nobody has to make it anew with each message.
    bytes = math.floor(bytes * (last - least) / (last - first + 1))
    first = least + 1
    call('XTRIM', log, 'MINID', format('%d-0', first))
  end
  call('HSET', state, own, pack('>I8', seq) .. string.sub(record, 9),
    'v', pack('>I8I8I8I8I8', last, epoch, first, bytes, renewed))
  return first
end

local kept = {}
for i = 1, #KEYS / 2 do
  kept[i] = acknowledge(KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i - 1], ARGV[2 * i])
end
return kept
