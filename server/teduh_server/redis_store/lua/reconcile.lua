-- Library, put before the scripts that meet what nodes of an earlier release have done.
-- Such a node, where it is alone in a conversation, appends by XADD without a script, and the state (in which there is a
-- `t` then) lags behind the log. Here the state catches up, while such nodes may still run, and once for what they have
-- left: what lies beyond counts as far as each entry has the next place, is the next of its member (or of one that has
-- left), and is a message of the current epoch. An entry behind one that is missing was never accepted: its node hears
-- that, and appends it anew. It goes.
-- Returns what the state's `v` is then.
local function reconcile(state, log, v)
  local call, pack, unpack, format = redis.call, struct.pack, struct.unpack, string.format

  -- A number as MessagePack has it, and where the next begins.
  local function number_at(text, at)
    local head = string.byte(text, at)
    if head < 0x80 then
      return head, at + 1
    end
    local size = ({[0xcc] = 1, [0xcd] = 2, [0xce] = 4, [0xcf] = 8})[head]
    return (unpack('>I' .. size, text, at + 1)), at + 1 + size
  end

  local seq, epoch, first, bytes, renewed = unpack('>I8I8I8I8I8', v)
  local fields, records, strays = {}, {}, false
  for _, item in ipairs(call('XRANGE', log, format('(%d-0', seq), '+')) do
    local entry, member, counter, kind, made_in, at = item[2][2]
    member, at = number_at(entry, 30)
    counter, at = number_at(entry, at)
    kind, at = number_at(entry, at)
    made_in = number_at(entry, at)
    local own = format('m%d', member)
    local record = records[own] or call('HGET', state, own)
    local has, last, _, after = 0, counter - 1, 0, 0
    if record then
      has, last, _, after = unpack('>I8I8I8I8', record)
    end
    strays = strays or item[1] ~= format('%d-0', seq + 1) or kind ~= 0 or made_in ~= epoch or counter ~= last + 1
    if not strays then
      seq, bytes = seq + 1, bytes + #entry
      if record then
        records[own] = pack('>I8I8I8I8', has, counter, seq, after)
      end
    end
  end
  if strays then
    -- An id that was given once, a stream does not give again, not even when its entry is deleted: the log is taken
    -- apart, and what is of it put together.
    local kept, expires = call('XRANGE', log, '-', format('%d-0', seq)), call('PTTL', log)
    call('DEL', log)
    for _, item in ipairs(kept) do
      call('XADD', log, item[1], 'e', item[2][2])
    end
    if #kept > 0 and expires > 0 then
      call('PEXPIRE', log, expires)
    end
  end
  v = pack('>I8I8I8I8I8', seq, epoch, first, bytes, renewed)
  for own, record in pairs(records) do
    call('HSET', state, own, record)
  end
  call('HSET', state, 'v', v)
  return v
end

