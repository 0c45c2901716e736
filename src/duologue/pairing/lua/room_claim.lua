#!lua flags=allow-oom
-- Room-claim: what is to be done to rooms now, the caller's for `claim_ms`; then it is the next caller's, under another generation.
-- KEYS[1]  {shard}rooms, or {shard}closing
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, one for each claim
-- Returns  more | done, "", facts, now (ms), work: open | close, match, generation each
-- Events   none
-- Invariants: 8 a match that ended before its room opened never opens it; a claim holds up nobody's state
-- include: context index view rooms closing
local works, most = {}, ids_left()
local members = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, most)
for _, id in ipairs(members) do
  local e = load_room(id)
  local orphan = e and e.step ~= 'closing' and not load_match(id) -- guard: opens-for-the-living -- off: local orphan = false
  if not e then
    redis.call('ZREM', KEYS[1], id) -- of a record that was lost
  elseif orphan then
    begin_closing(e, now)
  else
    e.generation, e.begun, e.tries = fresh('g_'), now, e.tries + 1
    if e.step ~= 'closing' then
      e.step, e.create, e.creates, e.late = 'opening', e.generation, e.creates + 1, now + ROOMS.create_ms
    end
    due_room(e, now + ROOMS.claim_ms) -- guard: claim-runs-out -- off: due_room(e, '+inf')
    works[#works + 1] = { e.step == 'closing' and 'close' or 'open', id, e.generation }
  end
end
commit()
return { #members == most and 'more' or 'done', '', facts, string.format('%.0f', now), works }
