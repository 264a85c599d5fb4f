-- Appends entries, each to a conversation log; a commit also moves the epoch, the membership, and adds its Welcome.
-- What one tick of a node appends comes in one call, for the call of a script costs as much as much of its work; and of
-- what one member says at once the state is read once and written once.
-- KEYS[2i-1] hash   state of the i-th conversation; one may come several times
-- KEYS[2i]   stream its log
-- ARGV[1]    bytes  packed '>I8I8I8c16': retention in milliseconds, most entries in a log, most bytes in it
--                   (approximately), id of the calling node
-- ARGV[2i]   bytes  packed '>I4I8I1I8I8': member that appends, its counter, kind (0 message, 1 commit), epoch in
--                   which the payload was made, now in milliseconds
-- ARGV[2i+1] bytes  Entry frame with seq 0
-- and for a commit, which comes alone:
-- ARGV[4] bytes   Entry frame of the Welcome with seq 0, or empty
-- ARGV[5] integer how many devices are added
-- ARGV[6...] bytes device ids added, then device ids removed
-- Returns a list with an answer for each:
--   for a message: integer seq
--   for a commit: {'committed', seq, member numbers removed...}
--   nothing appended: {'duplicate', seq or 0}, {'unknown'}, {'counter_gap', expected}, {'wrong_epoch', current},
--   {'not_claimed'}, {'full'}, {'too_often', milliseconds}; an error, if the keys hold something else
local call, try, pack, unpack, sub, format = redis.call, redis.pcall, struct.pack, struct.unpack, string.sub, string.format
-- Before the first commit nobody has taken the conversation, and its survivor is anybody: so little may she say there,
-- and for so long is it kept, in milliseconds, unless she is there (keep_unclaimed.lua).
local unclaimed_entries, unclaimed_bytes, unclaimed_ms = 24, 6144, 600000
local retention, most_entries, most_bytes, caller = unpack('>I8I8I8c16', ARGV[1])

-- Whose entries are appended at the moment: the conversation, the member, and what the state says of both (`v`, `o` and
-- `m<number>` of it). What has changed is written when somebody else's turn comes, and at the end.
local state, log, member
local nodes, seq, epoch, first, bytes, renewed
local has, counter, place, after
local is_changed = false

local function write()
  if is_changed then
    is_changed = false
    call('HSET', state, 'v', pack('>I8I8I8I8I8', seq, epoch, first, bytes, renewed),
      format('m%d', member), pack('>I8I8I8I8', has, counter, place, after))
  end
end

-- Returns nothing, or an answer if this one cannot append.
local function read(of, to, who)
  if of == state and who == member then
    return
  end
  write()
  state = nil
  local found = try('HMGET', of, 'v', format('m%d', who), 'o')
  if not found[2] then
    return found.err and found or {'unknown'}
  end
  state, log, member, nodes = of, to, who, found[3] or ''
  seq, epoch, first, bytes, renewed = unpack('>I8I8I8I8I8', found[1])
  has, counter, place, after = unpack('>I8I8I8I8', found[2])
end

-- What this call tells other nodes, one message to each: as many of them as entries would cost the server, and each
-- node, more than the appends do. By node: the message in parts, and the states of its conversations.
local told = {}

local function publish(node, message, states)
  local word, channel = 'PUBLISH', 'node:' .. node
  if sub(node, 1, 1) == 's' then
    -- In a cluster: the channel that the node has for this conversation, in the conversation's slot.
    word, channel = 'SPUBLISH', channel .. ':' .. string.match(KEYS[1], '{%x+}')
  end
  if call(word, channel, message) > 0 then
    return
  end
  -- Nobody listens: the node is dead, or has lost its connection and will register anew.
  for each in pairs(states) do
    local registered = call('HGET', each, 'o')
    local from = string.find(registered, node, 1, true)
    if from then
      call('HSET', each, 'o', sub(registered, 1, from - 1) .. sub(registered, from + 16))
    end
  end
end

local function tell_entry(entry, at)
  for from = 1, #nodes, 16 do
    local node = sub(nodes, from, from + 15)
    if node ~= caller then
      local message = told[node] or {'\026', states = {}}
      told[node] = message
      message[#message + 1] = pack('>I8I4', at, #entry)
      message[#message + 1] = entry
      message.states[state] = true
    end
  end
end

local function tell_entries()
  for node, message in pairs(told) do
    publish(node, table.concat(message), message.states)
  end
  told = {}
end

-- Moves the epoch and the membership as the commit that was just put says. Returns the answer.
local function commit(commits, replaces)
  local answer, welcome, added = {'committed', seq}, ARGV[4], tonumber(ARGV[5])
  local commit_at = seq
  epoch = epoch + 1
  call('HSET', state, format('k%d', member), commits)
  if welcome ~= '' then
    call('XADD', log, format('%d-0', seq + 1), 'e', welcome)
    seq = seq + 1
    tell_entry(welcome, seq)
  end
  call('HDEL', state, 'l')
  if replaces then
    call('HDEL', state, 'c')
  end
  -- Removed first, so that a device which the same commit removes and adds becomes a new member.
  for i = 6 + added, #ARGV do
    -- Whoever had left by itself: somebody else goes on with the survivor, who does not come back to it (leave.lua).
    call('HDEL', state, 'p:' .. ARGV[i])
    local number = call('HGET', state, 'd:' .. ARGV[i])
    if number and tonumber(number) ~= member then
      call('HDEL', state, 'd:' .. ARGV[i], 'm' .. number, 'k' .. number)
      answer[#answer + 1] = tonumber(number)
      -- Behind the entries of before.
      tell_entries()
      for from = 1, #nodes, 16 do
        local node = sub(nodes, from, from + 15)
        if node ~= caller then
          publish(node, '\001' .. sub(ARGV[3], 5, 20) .. pack('>I4', tonumber(number)), {[state] = true})
        end
      end
    end
  end
  for i = 6, 5 + added do
    if call('HEXISTS', state, 'd:' .. ARGV[i]) == 0 then
      local number = call('HINCRBY', state, 'n', 1) - 1
      -- From the Welcome on, which follows the commit.
      call('HSET', state, 'd:' .. ARGV[i], number, 'm' .. number, pack('>I8I8I8I8', commit_at, 0, 0, commit_at))
      call('HDEL', state, 'p:' .. ARGV[i])
    end
  end
  if added > 0 then
    -- Until they are invited: should the node die before, whoever subscribes next finds them here.
    local parts = {call('HGET', state, 'i') or ''}
    for i = 6, 5 + added do
      parts[#parts + 1] = pack('>I8', commit_at) .. ARGV[i]
    end
    call('HSET', state, 'i', table.concat(parts))
  end
  return answer
end

-- What the state shall note of this member's commits once this one is in the log; nil, and how many milliseconds later
-- it may be tried again, if there were too many: each makes what others have on their way void, so that a member who
-- commits without end would keep everybody else from being heard. All count, for a list of members is no proof that
-- anybody comes or goes.
local function with_commits_of_late()
  local most_commits, commits_within = 8, 20000
  local time = call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local since, count = now, 0
  local noted = call('HGET', state, format('k%d', member))
  if noted then
    since, count = unpack('>I8I4', noted)
    if now < since or now - since >= commits_within then
      since, count = now, 0
    end
  end
  if count >= most_commits then
    return nil, since + commits_within - now
  end
  return pack('>I8I4', since, count + 1)
end

-- Returns the answer to one append; an error as Redis has it, if it was not put for a reason that is not of this log.
local function append(of, to, head, entry)
  local who, number, kind, made_in, now = unpack('>I4I8I1I8I8', head)
  local refused = read(of, to, who)
  if refused then
    return refused
  end
  -- A repeated append is accepted again whatever the epoch is now: its sender only missed the answer.
  if number <= counter then
    return {'duplicate', number == counter and place or 0}
  end
  if number > counter + 1 then
    return {'counter_gap', counter + 1}
  end
  if made_in ~= epoch then
    return {'wrong_epoch', epoch}
  end
  local size, commits, replaces = #entry, nil, false
  if kind == 1 then
    -- The survivor changes members in one way only: she adds the device that has taken her conversation. And she does
    -- not begin it.
    replaces = member == 0 and #ARGV > 5
    if replaces and (ARGV[5] ~= '1' or call('HGET', state, 'c') ~= ARGV[6]) or member == 0 and epoch == 0 then
      return {'not_claimed'}
    end
    size = size + #ARGV[4]
  end
  local entries = seq + 1 - first
  if entries >= most_entries or bytes + size > most_bytes
    or epoch == 0 and member == 0 and (entries >= unclaimed_entries or bytes + size > unclaimed_bytes) then
    return {'full'}
  end
  if kind == 1 then
    local wait
    commits, wait = with_commits_of_late()
    if wait then
      return {'too_often', wait}
    end
  end

  -- Its id is the entry's place, and whoever reads it writes that into it: done here, it would copy the entry twice.
  -- As `..` writes numbers it would take several times as long.
  local done = try('XADD', log, format('%d-0', seq + 1), 'e', entry)
  if type(done) == 'table' then
    return done
  end
  local was_empty = seq < first
  seq = seq + 1
  -- `has` stays: before she acknowledges it, the sender may not know that it was accepted, and look for it in the log.
  counter, place, bytes, is_changed = number, seq, bytes + size, true
  if nodes ~= caller then
    tell_entry(entry, seq)
  end
  local answer = seq
  if kind == 1 then
    answer = commit(commits, replaces)
  end
  -- Expiries are renewed once a minute, not with each message. The log outlives the state, so that nothing is ever
  -- appended to a key that has just been made and never expires.
  local lasts = epoch > 0 and retention or unclaimed_ms
  if now - renewed > 60000 or kind == 1 and made_in == 0 then
    renewed = now
    call('PEXPIRE', state, lasts)
    call('PEXPIRE', log, lasts + 60000)
  elseif was_empty then
    call('PEXPIRE', log, lasts + 60000)
  end
  return answer
end

local answers = {}
for i = 1, #KEYS / 2 do
  local of, to, head, entry = KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i], ARGV[2 * i + 1]
  local answer = append(of, to, head, entry)
  local text = type(answer) == 'table' and answer.err
  if text and string.find(text, 'XADD is equal or smaller', 1, true) then
    -- A node of an earlier release has put something there.
    write()
    state = nil
    reconcile(of, to, call('HGET', of, 'v'))
    answer = append(of, to, head, entry)
    text = type(answer) == 'table' and answer.err
  end
  answers[i] = answer
  -- A key that holds something else is none of the others' business; a server that takes no writes is everybody's.
  if text and sub(text, 1, 9) ~= 'WRONGTYPE' then
    answers = answer
    break
  end
end
write()
tell_entries()
return answers
