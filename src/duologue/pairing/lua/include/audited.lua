-- What a moderator does is in the audit: a stream whose entries are only added, each with the hash of the one before. The caller makes the
-- entry and its hash, so that an entry that was added meanwhile is found here, and the caller makes another.
-- ARGV[4] hash of the last entry, as the caller knows it; 5 entry (JSON); 6 its hash; 7 key of this request or ""; 8 digest of what it asks for
local audit = {}

-- What is answered in place of the act: it was done already by a request with this key, or another entry came first.
function audit.instead()
  local key, known = ARGV[7], ARGV[7] ~= '' and redis.call('HMGET', S .. 'request:' .. ARGV[7], 'digest', 'reply')
  if known and known[1] then return { known[1] == ARGV[8] and 'repeated' or 'another', known[2], facts } end -- guard: request-repeated
  local head = redis.call('GET', S .. 'audit_head') or ''
  if head ~= ARGV[4] then return { 'moved', head, facts } end -- guard: audit-chain
end

function audit.add(reply)
  redis.call('XADD', S .. 'audit', 'MINID', '~', string.format('%.0f', math.max(0, wall - T.audit_ttl_ms)), '*', 'entry', ARGV[5], 'hash', ARGV[6])
  redis.call('SET', S .. 'audit_head', ARGV[6])
  if ARGV[7] == '' then return end
  local key = S .. 'request:' .. ARGV[7]
  redis.call('HSET', key, 'digest', ARGV[8], 'reply', reply)
  redis.call('PEXPIRE', key, T.request_ttl_ms)
end
