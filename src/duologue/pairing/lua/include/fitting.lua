-- Whom a person may meet (mechanism 3). The index answers `suits` already; the rest is about two people.
local function suits(s, c)
  if s.language ~= '' and c.language ~= '' and s.language ~= c.language then return false end
  if #s.tags == 0 or #c.tags == 0 then return true end
  for _, tag in ipairs(s.tags) do
    for _, other in ipairs(c.tags) do
      if tag == other then return true end
    end
  end
  return false
end

-- The match (without its "m_") that the two had last within `rematch_ms`, and when it ended (ms), or nil.
local function met_lately(s, c)
  if not s.recent then s.recent = recent_of(s.id) end
  for i = #s.recent - RECENT + 1, 1, -RECENT do
    local ended = ended_ms(s.recent[i + 2])
    if s.recent[i + 1] == c.id and ended > now - T.rematch_ms then return s.recent[i], ended end
  end
end

-- How long two must have been pairable to meet once more, by the id of their last match: `relax_after_ms` in three cases of
-- four, more than x times that in one of 4 x; `relax_alone_ms` and so on if neither has another person to meet. So a wait of any length may follow a skip, and proves no block. The draw is the
-- first 12 bits of the id, which are random.
local times_drawn, share_drawn
do -- a chunk may have 200 local names
  local DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  local function digit(id, at) return (string.find(DIGITS, string.sub(id, at, at), 1, true) or 64) - 1 end
  function times_drawn(match)
    if not match or not T.relax_drawn then return 1 end -- guard: relax-drawn -- off: if true then return 1 end
    return math.max(1, 1024 / (digit(match, 1) * 64 + digit(match, 2) + 1))
  end
  -- Between a tenth and nine tenths.
  function share_drawn(match) return (8 + digit(match, 3)) / 80 end
end
local ALONE_MS = math.min(T.relax_alone_ms, T.relax_after_ms)
local function relax_ms(match) return T.relax_after_ms * times_drawn(match) end

-- `blocked:<person>`: the marks of the people that the person blocked (`block.lua`), scored by when the block was
-- made (ms). A person and a device count as long as the set lives, a network for `block_network_ms`.
local function blocks(s, c)
  local person, device, network = unpack(
    redis.call('ZMSCORE', S .. 'blocked:' .. s.id, c.id, 'd:' .. c.device, 'n:' .. c.network))
  if person then return true end -- guard: block-person
  if device then return true end -- guard: block-device
  local recent = network and tonumber(network) > wall - T.block_network_ms -- guard: block-network-ends -- off: local recent = network
  if recent then return true end -- guard: block-network
  return false
end

local function blocked(s, c) return blocks(s, c) or blocks(c, s) end

-- From when on two people without a common wish fit, as far as this one goes.
local function relaxes_at(r)
  return r.pairable + T.relax_after_ms -- guard: relax-unbroken -- off: return r.place + T.relax_after_ms
end

-- 'strict', 'relaxed' (both pairable for `relax_after_ms` without a break), or nil and, where that will change, when (ms).
local function fit(s, c)
  if blocked(s, c) then return nil end -- guard: blocks
  local suited = suits(s, c)
  local lately, ended = met_lately(s, c) -- guard: rematch -- off: local lately, ended = nil, nil
  if suited and not lately then return 'strict' end
  if STRICT_TAGS and not suited then return nil end -- guard: strict-tags
  local at = math.max(relaxes_at(s), relaxes_at(c)) - T.relax_after_ms + relax_ms(lately)
  if at <= now then return 'relaxed' end
  return nil, math.ceil(ended and math.min(at, ended + T.rematch_ms) or at)
end
