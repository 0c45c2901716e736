-- A person's state as the wire has it, and the end of every script: write each record once, publish once per process.
local function probe_until_read(r) return r.probe_until + (r.probe_shift or 0) end

local function away_until(partner)
  if partner.away == 1 and partner.probe ~= '' then return string.format('%.0f', probe_until_read(partner)) end
  return 'null'
end

local function ready_field(m)
  if m.kind ~= 'livekit' then return '' end
  return m.ready == 1 and ',"ready":true' or ',"ready":false'
end

-- Which page the partner has, so that the first signal can name it: a page that comes later does not read it in a replay.
local function page_field(m, partner)
  if m.kind ~= 'peer' or partner.page == '' then return '' end
  return ',"page":"' .. partner.page .. '"'
end

local function match_json(r)
  local m = load_match(r.match)
  local partner = partner_of(m, r)
  return string.format(
    '{"match":"%s","started_at_ms":%.0f,"partner":{"alias":%s,"away_until_ms":%s},"media":{"kind":"%s","role":"%s"%s%s},"messages":{"first":%.0f,"last":%.0f}}',
    m.id, m.began or m.started, partner.alias, away_until(partner), m.kind,
    m.a == r.id and 'polite' or 'impolite', ready_field(m), page_field(m, partner), m.message_first, m.message_last)
end

local function state_json(r)
  local json = string.format(
    '{"state":"%s","version":%.0f,"since_ms":%.0f,"intent":%.0f,"wish":"%s","pool":"%s"',
    r.state, r.version, r.since, r.intent, r.wish, r.pool)
  if r.state == 'idle' then json = json .. ',"idle_reason":"' .. r.idle_reason .. '"' end
  if r.sanction ~= '' then json = json .. ',"sanction":' .. r.sanction end
  if r.state == 'waiting' and r.video_off == 1 then json = json .. ',"media_available":false' end
  if r.state == 'waiting' and r.again_at > 0 then json = json .. string.format(',"again_at_ms":%.0f', r.again_at) end
  if r.probe ~= '' then
    json = json .. string.format(',"probe":{"probe":"%s","until_ms":%.0f}', r.probe, probe_until_read(r))
  end
  if r.match ~= '' then json = json .. ',"match":' .. match_json(r) end
  if r.ended_match ~= '' then
    json = json .. string.format(',"ended":{"match":"%s","reason":"%s","at_ms":%.0f}',
      r.ended_match, r.ended_reason, r.ended_at)
  end
  return json .. '}'
end

-- `fields` is the rest of the object, made of ids and numbers only, or JSON made by the caller.
local function frame(kind, fields)
  return string.format('{"type":"%s","at_ms":%.0f%s}', kind, wall, fields or '')
end

local function match_field(id) return ',"match":"' .. id .. '"' end

-- What this call tells the people of each process, in the order in which it was said. `tell` makes one publication per
-- process of it: lines that belong together stand in a part of their own, and a blank line is before each part.
local outbox, receivers = {}, {}
local function publish(process, lines)
  local said = outbox[process]
  if not said then
    said = { '' }
    outbox[process], receivers[#receivers + 1] = said, process
  end
  said[#said + 1] = ''
  for i = 1, #lines do said[#said + 1] = lines[i] end
end

-- `published` counts the publications of each process's channel, and each one carries its number: a process that misses
-- one sees it at the next, or at its own echo, which carries the count.
local function tell()
  for _, process in ipairs(receivers) do
    local said, number = outbox[process], redis.call('HINCRBY', S .. 'published', process, 1)
    said[1] = string.format('N %.0f', number)
    redis.call('PUBLISH', S .. 'f:' .. process, table.concat(said, '\n'))
  end
  outbox, receivers = {}, {}
end

local function address(kind, r) return kind .. ' ' .. r.id .. ' ' .. r.connection end

-- Matched with nobody: in the queue and told, whichever script found it.
local function adopt(r)
  if not r.frames then show(r, frame('waiting')) end
  redis.call('ZADD', S .. 'lease', 'NX', now + T.lease_ms, r.id)
  redis.call('ZREM', S .. 'alone', r.id)
  if load_match(r.orphan) then redis.call('ZADD', S .. 'quiet', now, r.orphan) end -- the sweep closes its books
  if r.pairable == 0 and r.connection ~= '' and r.probe == '' then
    unsettle(r)
    r.pairable = now
  end
end

local function commit()
  for _, r in pairs(people) do
    if r and r.orphan and r.state == 'waiting' then adopt(r) end -- guard: orphan-adopted
  end
  for _, r in ipairs(touched) do
    if r.again_told and r.state == 'waiting' and not r.frames then show(r, frame('waiting')) end -- guard: again-told
  end
  write_index()
  for _, m in pairs(matches) do
    if m and m.touched then redis.call('SET', S .. 'm:' .. m.id, packed(m, MATCH)) end
  end
  for _, e in pairs(rooms) do
    if e and e.touched then redis.call('SET', S .. 'room:' .. e.id, packed(e, ROOM)) end
  end
  for _, r in ipairs(touched) do
    if r.frames then r.version = math.max(r.version + 1, wall) end
    if r.state == 'idle' and r.connection == '' then
      redis.call('SET', S .. 'p:' .. r.id, packed(r, PERSON), 'PX', T.record_ttl_ms)
    else
      redis.call('SET', S .. 'p:' .. r.id, packed(r, PERSON)) -- guard: record-persist -- off: redis.call('SET', S .. 'p:' .. r.id, packed(r, PERSON), 'KEEPTTL')
    end
  end
  for _, r in ipairs(touched) do
    if r.frames and r.connection ~= '' then
      publish(r.process, { address('S', r) .. string.format(' %.0f', r.version), state_json(r), unpack(r.frames) })
    end
  end
  tell()
end

-- What a command answers: a word, the caller's state, the facts.
local function answer(word, r)
  commit()
  return { word, state_json(r), facts }
end

-- A command that changes nothing: nothing was touched, the caller reads where they are.
local function stale(person)
  local r = load(person)
  if r and r.orphan then commit() end -- unless they were matched with nobody
  return { 'stale', state_json(load(person) or unknown(person)), facts }
end
