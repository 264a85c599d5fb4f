-- Library, put before the scripts that must know where a log ends.
-- Where a node is alone in a conversation it appends by XADD, without a script, once append.lua has told it that it may
-- and has noted so (`t`). The state then lags behind the log, and here it catches up: what lies beyond counts as far as
-- each entry has the next place, is the next of its member, and is a message of the current epoch. An entry behind one
-- that is missing was never accepted: its node hears that, and appends it anew. It goes.

-- A number as MessagePack has it, and where the next begins.
local function number_at(text, at)
  local first = string.byte(text, at)
  if first < 0x80 then
    return first, at + 1
  end
  local size = ({[0xcc] = 1, [0xcd] = 2, [0xce] = 4, [0xcf] = 8})[first]
  return (struct.unpack('>I' .. size, text, at + 1)), at + 1 + size
end

-- Takes the log apart and puts together what is of it up to `last`: an id that was given once, a stream does not give
-- again, not even when its entry is deleted.
local function drop_behind(log, last)
  local kept = redis.call('XRANGE', log, '-', string.format('%.0f-0', last))
  local expires = redis.call('PTTL', log)
  redis.call('DEL', log)
  for _, item in ipairs(kept) do
    redis.call('XADD', log, item[1], 'e', item[2][2])
  end
  if #kept > 0 and expires > 0 then
    redis.call('PEXPIRE', log, expires)
  end
end

-- Returns what the state's `v` is then.
local function settle(state, log, v)
  local last, epoch, first, bytes, renewed = struct.unpack('>I8I8I8I8I8', v)
  local at, records, is_one = last, {}, true
  repeat
    local found = redis.call('XRANGE', log, string.format('(%.0f-0', at), '+', 'COUNT', 64)
    for _, item in ipairs(found) do
      local entry = item[2][2]
      at = tonumber(string.match(item[1], '^%d+'))
      local member, counter, kind, made_in, next_at
      member, next_at = number_at(entry, 30)
      counter, next_at = number_at(entry, next_at)
      kind, next_at = number_at(entry, next_at)
      made_in = number_at(entry, next_at)
      local own = 'm' .. string.format('%.0f', member)
      local record = records[own] or redis.call('HGET', state, own)
      if not record then
        -- It has left, and its node had not heard of that when it accepted this.
        own = 'g' .. string.format('%.0f', member)
        record = records[own] or redis.call('HGET', state, own)
      end
      local has, c, _, after = 0, -1, 0, 0
      if record then
        has, c, _, after = struct.unpack('>I8I8I8I8', record)
      end
      is_one = is_one and at == last + 1 and kind == 0 and made_in == epoch and counter == c + 1
      if is_one then
        last, bytes = at, bytes + #entry
        records[own] = struct.pack('>I8I8I8I8', has, counter, at, after)
      end
    end
  until #found < 64
  if not is_one then
    drop_behind(log, last)
  end
  if next(records) then
    v = struct.pack('>I8I8I8I8I8', last, epoch, first, bytes, renewed)
    local fields = {'v', v}
    for own, record in pairs(records) do
      fields[#fields + 1] = own
      fields[#fields + 1] = record
    end
    redis.call('HSET', state, unpack(fields))
  end
  return v
end

