#!lua flags=allow-oom
-- Tell: people who wait in a pool read that video went away or came back, by place, 64 per call; once it is back each is paired first.
-- KEYS[1]  {shard}video
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 pool
-- Returns  more | done, "", facts
-- Events   waiting, new-match
-- Invariants: a person who is held reads it with their next sign of life
-- include: context events index view rooms queue fitting seeking
local TELL, MOST = 64, 300
local pool, off = ARGV[4], video_off()
local field = 'told:' .. pool
local at, told = unpack(redis.call('HMGET', KEYS[1], 'at', field))
local told_at, rest = string.match(told or '', '^(%d+):(.*)$')
if not at or told_at == at and rest == 'all' then return { 'done', '', facts } end

local place, ties, last_told = string.match(told_at == at and rest or '', '^(%S+) (%d+) (.*)$')
local after = place and { place = tonumber(place), ties = tonumber(ties), id = last_told } or nil
local everybody = { language = '', tags = {}, pool = pool }
local w, more = walk(sets_of(everybody, true), after, function() return false end), false
for n = 1, TELL do
  if ids_left() < 3 or cost() >= MOST then
    more = true
    break
  end
  local id = step(w)
  if not id then break end
  more = n == TELL
  local r = load(id)
  if r and r.pairable > 0 and (r.video_off or 0) ~= off then
    r.video_off = off
    touch(r)
    r.anew = true
    if off == 1 or not pair(r) then show(r, frame('waiting')) end
  end
end
local stopped_at = more and w.after and string.format('%.1f %d %s', w.after.place, w.after.ties, w.after.id)
redis.call('HSET', KEYS[1], field, at .. ':' .. (stopped_at or 'all'))
commit()
return { more and 'more' or 'done', '', facts }
