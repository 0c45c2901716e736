-- Whether rooms open at all. Each change is fenced by when what was seen had begun (ms).
local function flip_video(down)
  down_now = down
  redis.call('HSET', VIDEO, 'down', down and '1' or '0', 'at', string.format('%.0f', now))
  fact('video ' .. (down and 'down' or 'up'))
end

-- Rooms that were begun at `since` or later did not open. Not down if one did open since.
local function video_down(since)
  local opened_at = tonumber(redis.call('HGET', VIDEO, 'opened') or 0)
  if opened_at > since then return false end -- guard: video-fence
  if not is_down() then flip_video(true) end
  return true
end

-- A room that was begun at `since` opened. Nothing is up again that was found down later than that.
local function video_up(since)
  if not is_down() then return true end
  local at = tonumber(redis.call('HGET', VIDEO, 'at') or 0)
  if at > since then return false end -- guard: video-fence
  flip_video(false)
  return true
end
