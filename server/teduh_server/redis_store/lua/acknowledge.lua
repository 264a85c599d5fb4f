-- Notes how far members have taken their logs, and trims what every member has; several in one call.
-- KEYS[2i-1] hash    state of the i-th conversation; one may come several times
-- KEYS[2i]   stream  its log
-- ARGV[1]    bytes   as that of append.lua
-- ARGV[3i-1] integer member
-- ARGV[3i]   integer seq up to which it has everything
-- ARGV[3i+1] bytes   what the node has appended directly, and was answered, since it told last: empty, or packed
--                    '>I8I8' seq of the newest and bytes in all, then for each member '>I4I8I8' its number, the
--                    counter and the seq of its last
-- Returns a list with an integer for each: the oldest seq kept, 0 if the member is none; negative if the node may go on
-- to append directly.
local spread = unpack
local call, pack, unpack, min, format = redis.call, struct.pack, struct.unpack, math.min, string.format
local _, most_entries, most_bytes, caller, direct_entries, direct_bytes = unpack('>I8I8I8c16I4I4', ARGV[1])

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

-- Takes over what a node tells of entries that are in the log: into `found`, and what is to be noted into `fields`.
-- Returns whether there is news.
local function take_told(state, found, own, told, fields)
  local last, epoch, first, bytes, renewed = unpack('>I8I8I8I8I8', found[1])
  local newest, more = unpack('>I8I8', told)
  if newest <= last then
    return false
  end
  found[1] = pack('>I8I8I8I8I8', newest, epoch, first, bytes + more, renewed)
  for at = 17, #told, 20 do
    local member, counter, place = unpack('>I4I8I8', told, at)
    local name = format('m%.0f', member)
    local record = name == own and found[3] or member < 3 and found[4 + member] or call('HGET', state, name)
    if not record then
      name = format('g%.0f', member)
      record = call('HGET', state, name)
    end
    local has, c, _, after = unpack('>I8I8I8I8', record or found[3])
    if record and c < counter then
      record = pack('>I8I8I8I8', has, counter, place, after)
      if name == own then
        found[3] = record
      else
        fields[#fields + 1], fields[#fields + 2] = name, record
      end
    end
  end
  return true
end

local function acknowledge(state, log, member, upto, told)
  local own = 'm' .. member
  local found = call('HMGET', state, 'v', 'n', own, 'm0', 'm1', 'm2', 'o', 't')
  if not found[3] then
    return 0
  end
  upto = tonumber(upto)
  local direct, fields = found[8], {}
  local is_news = direct and told ~= '' and take_told(state, found, own, told, fields)
  if direct and upto > unpack('>I8', found[1]) then
    if is_news then
      call('HSET', state, 'v', found[1], own, found[3], spread(fields))
    end
    fields, found[1] = {}, settle(state, log, found[1])
    found[3] = call('HGET', state, own)
  end
  local last, epoch, first, bytes, renewed = unpack('>I8I8I8I8I8', found[1])
  local seq = min(upto, last)
  if seq > unpack('>I8', found[3]) then
    found[3] = pack('>I8', seq) .. string.sub(found[3], 9)
    local least = least_of(state, found, own, seq)
    if least >= first then
      -- What is left is taken for as large, entry by entry, as what has gone.
      bytes = math.floor(bytes * (last - least) / (last - first + 1))
      first = least + 1
      if least == last and not direct then
        call('DEL', log)
      else
        -- Where a node appends directly, an empty log says that it may, and which place was the last.
        call('XTRIM', log, 'MINID', format('%.0f-0', first))
      end
    end
  elseif not is_news then
    return first
  end
  call('HSET', state, own, found[3], 'v', pack('>I8I8I8I8I8', last, epoch, first, bytes, renewed), spread(fields))
  local may = direct and direct_entries > 0 and found[7] == caller
    and last + direct_entries - first < most_entries and bytes + direct_bytes <= most_bytes
  return may and -first or first
end

local kept = {}
for i = 1, #KEYS / 2 do
  kept[i] = acknowledge(KEYS[2 * i - 1], KEYS[2 * i], ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1])
end
return kept
