#!lua flags=no-writes
-- Room-look: how rooms are, for those who look after them. Nothing is claimed.
-- KEYS[1]  {shard}rooms
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), then matches that are asked about
-- Returns  ok, "", facts, now (ms), whether video is down (0|1), rooms of live matches, rooms to be deleted, those asked about that live in an open room, those whose people say nothing of their media though it is due, wall (ms): Redis's clock
-- Events   none
-- Invariants: 7; a page that speaks for itself within 2 s is in no answer
-- include: context view rooms video
local SPEAKS_MS, MOST = 2000, 100
local live, awaited, seen = {}, {}, {}

-- Whether LiveKit's word is wanted: the room is open, its media is not, and a page has said nothing of it.
local function awaits_facts(id, e)
  return (e.says_a == 0 or e.says_b == 0) and redis.call('ZSCORE', S .. 'media', id)
end

local function look(id, asked)
  local e = not seen[id] and load_room(id)
  seen[id] = true
  if not e or e.step ~= 'open' then return end
  if asked then live[#live + 1] = id end
  if awaits_facts(id, e) then awaited[#awaited + 1] = id end
end

for i = 4, #ARGV do look(ARGV[i], true) end
local due = redis.call('ZRANGEBYSCORE', S .. 'media', '-inf', now + T.media_ms - SPEAKS_MS, 'LIMIT', 0, MOST)
for _, id in ipairs(due) do look(id, false) end

local owned, closing = redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', S .. 'closing')
return { 'ok', '', facts, string.format('%.0f', now), is_down() and 1 or 0, owned, closing, live, awaited, string.format('%.0f', wall) }
