-- One short text for a statusline: what runs, what waits. Draws nothing by itself.
local M = {}

---@type table<integer, {health?: string, message?: string}>
local told = {}

---@param client_id integer
---@param params table `orchestrator/status`
function M.told(client_id, params)
  told[client_id] = params
end

---@param rows orchestrator.Row[]
---@param questions integer
---@return string
function M.words(rows, questions)
  local parts, done, steps, cost, live = {}, 0, 0, 0, 0
  for _, row in ipairs(rows) do
    if require('orchestrator.runs').is_live(row) then
      live = live + 1
      done, steps = done + row.stepsDone, steps + row.steps
      cost = type(row.costUsd) == 'number' and cost and cost + row.costUsd or nil
    end
  end
  if live > 0 then
    local money = cost and cost > 0 and (' $%.2f'):format(cost) or ''
    local runs = live > 1 and ('%d runs '):format(live) or ''
    table.insert(parts, ('⟳ %s%d/%d%s'):format(runs, done, steps, money))
  end
  if questions > 0 then
    table.insert(parts, questions == 1 and '⏸ approval' or ('⏸ %d approvals'):format(questions))
  end
  return table.concat(parts, ' ')
end

---@return string
function M.statusline()
  local loaded = package.loaded['orchestrator.runs']
  if not loaded then
    return ''
  end
  local rows = loaded.list()
  local waiting = 0
  for _, row in ipairs(rows) do
    waiting = waiting + row.pendingApprovals
  end
  return M.words(rows, waiting)
end

return M
