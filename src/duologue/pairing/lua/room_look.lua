#!lua flags=allow-oom
-- Room-look: how rooms are, for the workers that look after them.
-- KEYS[1]  {shard}rooms
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids (none), 4 of how many matches whose media is due the caller takes a look (0: none), then matches that are asked about
-- Returns  ok, "", facts, now (ms), whether video is down (0|1), rooms of live matches, rooms to be deleted, those asked about that live in an open room, those whose people say nothing of their media though it is due, wall (ms): Redis's clock, whether more are due (0|1)
-- Events   none
-- Invariants: 7; a page that speaks for itself within 2 s is in no answer; each match that is due has its turn
-- include: context index view rooms video
local SPEAKS_MS = 2000
local most = tonumber(ARGV[4])
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

-- All processes together make one pass over the matches whose media is due, the most urgent first, and begin the next one
-- when 2 s are over. `looked`: `pass` (ms: when it began), `due` (ms) and `match`: how far it came; without them it is over.
local LOOKED = S .. 'looked'
local function first_rank(media)
  local pass, due, match = unpack(redis.call('HMGET', LOOKED, 'pass', 'due', 'match'))
  pass = tonumber(pass)
  local recent = pass and pass <= now and now - pass < SPEAKS_MS
  if not due then
    if recent then return nil end -- guard: looks-once -- off: pass = nil
    redis.call('HSET', LOOKED, 'pass', string.format('%.0f', now))
    return 0
  end
  -- The last one may be gone, or due later by now: its place is that of an entry which would follow it directly.
  local mark = match .. '!'
  redis.call('ZADD', media, due, mark)
  local rank = redis.call('ZRANK', media, mark)
  redis.call('ZREM', media, mark)
  return rank
end

local function take(media)
  local first = first_rank(media) -- guard: looks-go-on -- off: local first = 0
  if not first then return false end
  local rows, until_ = redis.call('ZRANGE', media, first, first + most - 1, 'WITHSCORES'), now + T.media_ms - SPEAKS_MS
  local taken, last_match, last_due = 0, nil, nil
  for i = 1, #rows, 2 do
    if tonumber(rows[i + 1]) > until_ then break end
    look(rows[i], false)
    taken, last_match, last_due = taken + 1, rows[i], rows[i + 1]
  end
  if taken == most then
    redis.call('HSET', LOOKED, 'match', last_match, 'due', last_due)
    return true
  end
  redis.call('HDEL', LOOKED, 'match', 'due')
  return false
end

for i = 5, #ARGV do look(ARGV[i], true) end
local more = most > 0 and take(S .. 'media')

local owned, closing = redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', S .. 'closing')
return {
  'ok', '', facts, string.format('%.0f', now), is_down() and 1 or 0, owned, closing, live, awaited,
  string.format('%.0f', wall), more and 1 or 0,
}
