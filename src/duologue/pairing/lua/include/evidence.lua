-- Takes room for reports and for what was said. No script that runs in a full store may include this file: a test
-- holds that. Sizes are counted as REPORT_BYTES and its JSON for a report, SAID_BYTES and its JSON for a message: the
-- constants stand for keys, index entries and the store's own overhead.
local REPORT_BYTES, SAID_BYTES, AMENDMENTS, GIVE_WAY = 512, 16, 10, 400
-- The last eighth of the room is for reports alone, so that evidence cannot shut them out.
local SAID_MOST = math.floor(T.evidence_bytes * 7 / 8)

-- Returns whether `bytes` more fit below `most`. Decided reports give way, the one decided longest ago first, but
-- never those about the match `id`. 400 of the least size make room for all that can be said in a match, within 5 ms.
local function fits(bytes, most, id)
  for _ = 1, GIVE_WAY do
    if tonumber(redis.call('GET', S .. 'report_bytes') or 0) + bytes <= most then return true end
    local first, second = unpack(redis.call('ZRANGE', S .. 'decided', 0, 1))
    local oldest = first ~= id and first or second
    if not oldest then return false end
    drop_reports(oldest, T.recent_ttl_ms)
    fact('report gave-way')
  end
  return false
end

local function take(id, bytes)
  redis.call('HINCRBY', report_key(id), 'bytes', bytes)
  redis.call('INCRBY', S .. 'report_bytes', bytes)
end

-- Writes one message where it stays. In a reported match it is evidence at once.
local function keep_said(m, entry)
  local key = said_key(m.id)
  if m.reported == 1 then
    local bytes = #entry + SAID_BYTES
    if not fits(bytes, SAID_MOST, m.id) then -- guard: said-cap -- off: if false then
      redis.call('HINCRBY', report_key(m.id), 'left_out', 1)
      fact('report left-out')
      return
    end
    take(m.id, bytes)
    redis.call('RPUSH', key, entry)
  else
    redis.call('RPUSH', key, entry)
    -- A match whose record was lost has no end that would set a time to live.
    redis.call('PEXPIRE', key, T.record_ttl_ms + T.quiet_check_ms)
  end
end

-- Keeps what was said in a reported match, if there is room, from now on and as long as the reports.
local function pin_said(id, m)
  local bytes = 0
  for _, entry in ipairs(redis.call('LRANGE', said_key(id), 0, -1)) do bytes = bytes + #entry + SAID_BYTES end
  if not fits(bytes, SAID_MOST, id) then -- guard: evidence-cap -- off: if false then
    redis.call('HSET', report_key(id), 'evidence', 'refused')
    fact('report without-evidence')
    return
  end
  take(id, bytes)
  redis.call('PERSIST', said_key(id)) -- guard: said-persists
  redis.call('HSET', report_key(id), 'evidence', 'kept')
  if m then m.reported, m.touched = 1, true end
end
