-- Shared by the scripts that add to scores.
local exact = 9007199254740992

local function whole(number)
  return number % 1 == 0 and number >= -exact and number <= exact
end

-- Returns the sum, or nil where it breaks the rule: whole numbers within 2^53 add exactly or are refused, and no sum is
-- infinite.
local function add(old, delta)
  local sum = old + delta
  if whole(old) and whole(delta) then
    if not whole(sum) or sum - old ~= delta then return end
  elseif sum == math.huge or sum == -math.huge then
    return
  end
  return sum == 0 and 0 or sum
end
