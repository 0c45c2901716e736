-- How a person finds another (mechanism 3): several sets of the index are read as one, longest wait first, a few people per look.
-- Byte by byte, as the store orders members of one score; `<` goes by the store's locale.
local function precedes(one, other)
  for i = 1, math.min(#one, #other) do
    local x, y = string.byte(one, i), string.byte(other, i)
    if x ~= y then return x < y end
  end
  return #one < #other
end

local FIRST_READ = 3

-- `work` counts the sets read and the people looked at.
local function refill(head)
  local rows = redis.call('ZRANGE', head.set, head.low, '+inf', 'BYSCORE', 'LIMIT', head.offset, head.size, 'WITHSCORES')
  head.offset, head.is_last = head.offset + #rows / 2, #rows < head.size * 2
  head.rows, head.at, head.size = rows, 1, T.looks
  work = work + 1
end

-- People that this call itself has put in the index, as if they were in a set already; `wanted` says which of them count.
local function fresh_head(wanted)
  local found, rows = {}, {}
  for _, r in ipairs(moving) do
    if r.pairable > 0 and wanted(r) then found[#found + 1] = r end
  end
  table.sort(found, function(x, y)
    if x.place ~= y.place then return x.place < y.place end
    return precedes(x.id, y.id)
  end)
  for _, r in ipairs(found) do rows[#rows + 1], rows[#rows + 2] = r.id, r.place end
  return { rows = rows, at = 1, is_last = true }
end

-- `after`: the last who was read is { place, id, ties }, how many of the same place had been read by then; nil: nobody.
-- `known`: how many people who read need not be read, if this call put them in the index: the person who looks.
local function walk(sets, after, wanted, known)
  local low, size = '-inf', FIRST_READ
  if after then low, size = string.format('%.1f', after.place), after.ties + FIRST_READ end
  local heads = {}
  for i = 1, #sets do
    heads[i] = { set = sets[i], low = low, offset = 0, size = size }
    refill(heads[i])
  end
  if #moving > (known or 1) then heads[#heads + 1] = fresh_head(wanted) end -- guard: queued-now
  return { heads = heads, after = after }
end

-- The first of a head that comes after `after`, and their place, or nil.
local function peek(head, after)
  while true do
    local id, place = head.rows[head.at], tonumber(head.rows[head.at + 1])
    if not id then
      if head.is_last then return nil end
      refill(head)
    elseif after and (place < after.place or place == after.place and (id == after.id or precedes(id, after.id))) then
      head.at = head.at + 2
    else
      return id, place
    end
  end
end

-- The next person of all sets, and one of the sets that they are in (nil: this call put them there); nil at the end.
local function step(w)
  local id, place, set
  for _, head in ipairs(w.heads) do
    local other, at = peek(head, w.after)
    if other and (not id or at < place or at == place and other ~= id and precedes(other, id)) then
      id, place, set = other, at, head.set
    end
  end
  if not id then return nil end
  local ties = w.after and w.after.place == place and w.after.ties or 0
  w.after = { place = place, id = id, ties = ties + 1 }
  work = work + 1
  return id, set
end

local look
do -- a chunk may have 200 local names
  -- Where a look stopped, in the record: 's' in the sets of the person's wishes or 'c' in the common one; 1 if the whole index is
  -- owed a look; the next instant (ms, 0: none) at which somebody who did not fit does; then the last who was read.
  local function stopped(at, after)
    local last = after and string.format(' %.1f %d %s', after.place, after.ties, after.id) or ''
    return string.format('%s %d %.0f%s', at.phase, at.owed and 1 or 0, at.again or 0, last)
  end

  local function resumed(r, anew)
    local phase, owed, again, rest = string.match(r.looked, '^(%a) (%d) (%d+)(.*)$')
    if anew or not phase then return { phase = 's', owed = anew } end
    local at = { phase = phase, owed = owed == '1', again = again ~= '0' and tonumber(again) or nil }
    local place, ties, id = string.match(rest, '^ (%S+) (%d+) (.*)$')
    if place then at.after = { place = tonumber(place), ties = tonumber(ties), id = id } end
    return at
  end

  local function is_of(c, s, phase)
    if not c or c.pairable == 0 or c.pool ~= s.pool then return false end
    if phase == 'c' then return c.relaxed == 1 end
    return suits(s, c)
  end

  local function sooner(one, other) return one and other and math.min(one, other) or one or other end

  -- Looks at up to `left` people from `at` on. Returns who is to be paired with `s`, whether the end was reached, and how many
  -- more may be looked at. Among those of one's wishes a person whom one met lately comes after all others of this look.
  local function look_on(s, at, left)
    at.fit = {} -- people whom this one may meet as far as they know, now or later
    local sets = sets_of(s, true) -- guard: wishes-read -- off: local sets = sets_of({ pool = s.pool, language = '', tags = {} }, true)
    if at.phase == 'c' then sets = { common_set(s.pool) } end
    local w = walk(sets, at.after, function(c) return is_of(c, s, at.phase) end)
    local spare
    while left > 0 do
      local id, set = step(w)
      if not id then return spare, true, left end
      local another = id ~= s.id -- guard: not-self -- off: local another = true
      local c = another and load(id)
      if another and not is_of(c, s, at.phase) then
        if set and not (c and c.stood ~= nil) then stray(set, id) end -- guard: strays-go
      elseif another then
        local how, again = fit(s, c)
        if how == 'strict' or how and at.phase == 'c' then return c end
        if how and STRICT_TAGS then spare = spare or c end -- else both are in the common set
        at.again = sooner(at.again, again)
        if how or again or met_lately(s, c) then at.fit[#at.fit + 1] = c end
      end
      if another then left = left - 1 end
      at.after = w.after -- guard: look-goes-on -- off: at.after = nil
    end
    return spare, false, left
  end

  -- The one person whom `s` may meet, now or once what keeps the two apart is over; nil: no one, or several.
  local function only_one(s)
    local found
    local w = walk(sets_of(s, true), nil, function(c) return is_of(c, s, 's') end, 0)
    for _ = 1, T.looks do
      local id = step(w)
      if not id then return found end
      local c = id ~= s.id and load(id)
      if c and is_of(c, s, 's') and (met_lately(s, c) or not blocked(s, c)) then
        if found then return nil end
        found = c
      end
    end
    return nil
  end

  local function promise(r, other, at)
    local read_at = math.ceil(at) + wall - now
    if r.again_with == other.id and r.again_at == read_at then return end
    call_off(r)
    r.again_at, r.again_with, r.again_told = read_at, other.id, true
    touch(r)
  end

  -- A person whom the only other one has blocked reads what they would read of a person who presses Stop soon afterwards.
  local function feign(s, c, since, match)
    local stops_at = since + ALONE_MS * share_drawn(match)
    if stops_at <= now then return call_off(s) end
    promise(s, c, since + ALONE_MS)
    return math.ceil(stops_at)
  end

  -- After a look at all who suit `s`: two who met lately, and have no one else to meet, need not wait for as long as others. Both
  -- read until when. If more was drawn than the least they read nothing.
  local function meet_again(s, at)
    local c = #at.fit == 1 and at.fit[1]
    local alone = c and only_one(c) == s -- guard: alone-both -- off: local alone = c
    if not alone then
      for _, each in ipairs({ s, unpack(at.fit) }) do call_off(each) end
      return nil
    end
    local match, since = met_lately(s, c), math.max(s.pairable, c.pairable)
    local times = times_drawn(match)
    if blocked(s, c) then
      if times == 1 and blocks(c, s) and not blocks(s, c) then at.again = sooner(at.again, feign(s, c, since, match)) end -- guard: again-feigned
      return nil
    end
    local due = math.ceil(since + ALONE_MS * times)
    if due <= now then return c end
    at.again = sooner(at.again, due)
    if times > 1 then return nil end -- guard: again-drawn
    promise(s, c, due)
    promise(c, s, due)
    return nil
  end

  local function rests_at(s, at)
    local relaxing = not STRICT_TAGS and s.relaxed == 0 and relaxes_at(s)
    return sooner(at.again, relaxing) or false
  end

  -- Looks for somebody, from where the last look stopped. `anew`: from the first on, and until everybody was looked at, however
  -- many looks that takes. True: they are matched.
  function look(s, anew)
    s.anew = nil
    local at = resumed(s, anew)
    if at.owed and (video_off() == 1 or ids_left() < 3) then s.seek = now end
    if ids_left() < 3 then return false end
    if video_off() == 1 then return false end -- guard: video-off
    if not STRICT_TAGS and s.relaxed == 0 and relaxes_at(s) <= now then -- guard: strict-tags -- off: if s.relaxed == 0 and relaxes_at(s) <= now then
      unsettle(s)
      s.relaxed, at = 1, { phase = 's', owed = true }
      touch(s)
    end
    local left, c, ended = T.looks, nil, nil
    local whole = at.phase == 's' and not at.after
    c, ended, left = look_on(s, at, left)
    if not c and ended and whole then c = meet_again(s, at) end -- guard: meet-again
    if not c and ended and at.phase == 's' and s.relaxed == 1 then
      at.phase, at.after = 'c', nil
      c, ended = look_on(s, at, left)
    end
    if c then
      if c.place <= s.place then marry(c, s) else marry(s, c) end
      return true
    end
    local looked = ended and '' or stopped(at, at.after)
    if looked ~= s.looked then
      s.looked = looked
      touch(s)
    end
    if at.owed then
      unsettle(s)
      s.seek = not ended and now or rests_at(s, at)
    end
    return false
  end
end

-- Into the index, if pairable, and to the first who fits. The last step of a transition.
local function pair(s)
  enqueue(s)
  if s.pairable == 0 then return false end
  return look(s, s.anew)
end
