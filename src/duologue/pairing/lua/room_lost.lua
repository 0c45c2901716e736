#!lua flags=allow-oom
-- Room-lost: a live match's room is not there any more, or has held one of its two for too long. Both go on.
-- KEYS[1]  {shard}rooms
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 match, 5 why: vanished | solo, 6 since (ms): when the listing that lacks it began, or since when one is alone in it, 7 generation of the reconciler's round, or ""
-- Returns  ended | ok (not yet) | stale | taken-over (the round is another's), "", facts
-- Events   those of an ending
-- Invariants: 3 fenced by the match, 7 bounded aloneness, 8
-- include: context events index view rooms queue fitting seeking presence closing reported ending rounds
local match, why, since = ARGV[4], ARGV[5], tonumber(ARGV[6])
if not holds_round(ARGV[7]) then return { 'taken-over', '', facts } end
local e, m = load_room(match), load_match(match)
if not e or not m or e.step ~= 'open' then return { 'stale', '', facts } end

-- A room opened since the listing, or shortly before, is not in it; one that joining makes may not have been made yet.
local function vanished()
  if ROOMS.auto_create and m.met == 0 then return false end
  return e.opened <= since - ROOMS.spare_ms -- guard: listed-first -- off: return true
end

-- Somebody who attached, or has not connected yet, has the media deadline: it ends what does not come.
local function solo()
  if redis.call('ZSCORE', S .. 'media', match) then return false end -- guard: solo-after-media
  return now - math.max(since, e.opened) >= ROOMS.solo_ms -- guard: solo-bound -- off: return true
end

local lost
if why == 'solo' then lost = solo() else lost = vanished() end
if not lost then return { 'ok', '', facts } end
fact('room ' .. why)
end_by_media(m)
commit()
return { 'ended', '', facts }
