-- What is kept of a match for the operator: `said:<match>` is what was said in it, written once as it is said, and
-- `report:<match>` holds the reports about it. `report_bytes` is the sum of what the reported matches take.
-- This file gives room back, so a script that runs in a full store may use it. Only `evidence.lua` takes room.
local function said_key(id) return S .. 'said:' .. id end
local function report_key(id) return S .. 'report:' .. id end

-- Forgets the reports about a match. What was said in it stays for `left_ms` if the match is over, and as in any
-- other match if it lives.
local function drop_reports(id, left_ms)
  local bytes = redis.call('HGET', report_key(id), 'bytes') or '0'
  redis.call('DECRBY', S .. 'report_bytes', bytes) -- guard: bytes-given-back
  redis.call('DEL', report_key(id))
  redis.call('ZREM', S .. 'reports', id)
  redis.call('ZREM', S .. 'decided', id)
  local m = load_match(id)
  if m then
    m.reported, m.touched = 0, true
  else
    redis.call('PEXPIRE', said_key(id), left_ms)
  end
end
