#!lua flags=allow-oom
-- Scan: people who are due to look for somebody do so; a few sets of the index are held against the records. One process at a time.
-- KEYS[1]  {shard}seek
-- ARGV     1 prefix, 2 now (ms, tests only), 3 ids, 4 process
-- Returns  more | done | held (by another process), "", facts, ms until the claim of that process ends, when video went away or came back (ms, 0: never)
-- Events   new-match
-- Invariants: 4 no limbo without a new arrival; a call looks at a bounded number of people, however many wait in however many pools
-- include: context events index view rooms queue fitting seeking sweeping
local seekers, process = KEYS[1], ARGV[4]
record_sweep() -- guard: slow-pass

local by, claimed = unpack(redis.call('HMGET', SWEEP, 'scanner', 'claimed_until'))
claimed = math.min(tonumber(claimed) or 0, now + T.scan_claim_ms)
local others = by and by ~= process and claimed > now -- guard: scan-claimed -- off: local others = false
if others then return { 'held', '', facts, math.ceil(claimed - now), '0' } end
redis.call('HSET', SWEEP, 'scanner', process, 'claimed_until', string.format('%.0f', now + T.scan_claim_ms))

local changed = MEDIA_KIND == 'livekit' and redis.call('HGET', VIDEO, 'at') or '0'
if video_off() == 1 then return { 'done', '', facts, 0, changed } end

-- Of records that were lost the entries are left over: sets are looked at, drawn at random.
local SETS, MEMBERS = 4, 4
local function hold_against_records(set)
  local found = redis.call('ZRANDMEMBER', set, MEMBERS)
  for _, id in ipairs(found) do
    local r, stands = load(id), false
    for _, theirs in ipairs(r and r.pairable > 0 and sets_of(r) or {}) do stands = stands or theirs == set end
    if not stands then stray(set, id) end -- guard: strays-go
  end
  if #found == 0 then redis.call('SREM', S .. 'queues', set) end
end

for _, set in ipairs(redis.call('SRANDMEMBER', S .. 'queues', SETS)) do hold_against_records(set) end

-- Those who are due take turns, so that a person who reads on past many others keeps nobody waiting. A look may take
-- a person whose turn is still to come out of the index.
local DUE = 64
local due = redis.call('ZRANGEBYSCORE', seekers, '-inf', now, 'LIMIT', 0, DUE)
local more, turn = #due == DUE, 1
while due[turn] and work < T.looks * T.scan_windows and ids_left() >= 3 do
  local id = due[turn]
  local r = load(id)
  if r and r.pairable > 0 then
    local goes_on = string.find(r.looked, '^%a 1') -- guard: look-goes-on -- off: local goes_on = false
    look(r, not goes_on)
    if r.seek == now then due[#due + 1] = id end
  elseif not (r and r.stood ~= nil) then
    stray(seekers, id) -- of a record that was lost
  end
  turn = turn + 1
end
commit()
return { (more or due[turn]) and 'more' or 'done', '', facts, 0, changed }
