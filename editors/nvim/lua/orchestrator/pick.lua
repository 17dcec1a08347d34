-- Lists to choose from, always through vim.ui.select: whichever picker the user has put there shows them.
local M = {}

local client = require('orchestrator.client')

---@class orchestrator.Workspace
---@field runId string
---@field goal string
---@field status string
---@field stepsDone integer
---@field steps integer
---@field costUsd? number
---@field workspace string
---@field startedAt string

---@param row orchestrator.Workspace
---@return string
function M.line(row)
  local cost = type(row.costUsd) == 'number' and (' · $%.2f'):format(row.costUsd) or ''
  local goal = client.shorten(row.goal, 60)
  return ('%s  %s %d/%d%s  %s'):format(row.runId, row.status, row.stepsDone, row.steps, cost, goal)
end

---@generic T
---@param items T[]
---@param prompt string
---@param format fun(item: T): string
---@param chosen fun(item: T)
local function select(items, prompt, format, chosen)
  vim.ui.select(items, { prompt = prompt, kind = 'orchestrator', format_item = format }, function(item)
    if item then
      chosen(item)
    end
  end)
end

---What can be done with a run that was picked.
---@param row orchestrator.Workspace
local function act(row)
  local place = { workspace = row.workspace }
  local function open(what)
    return function()
      client.exec('openWorkspace', { workspace = row.workspace, what = what })
    end
  end
  local actions = { { 'Open the summary', open('summary') }, { 'Open the plan', open('plan') } }
  table.insert(actions, { 'Open an artifact', function() M.artifacts(row.runId) end })
  if row.status == 'completed' then
    select(actions, row.goal, function(item) return item[1] end, function(item) item[2]() end)
    return
  end
  local now = require('orchestrator.runs').get(row.runId)
  if now and require('orchestrator.runs').is_live(now) then
    table.insert(actions, { 'Open the approvals', open('approvals') })
    table.insert(actions, { 'Stop', function() client.exec('stop', { runId = row.runId }) end })
  elseif row.status ~= 'cancelled' then
    table.insert(actions, 1, { 'Resume', function() client.exec('resume', place) end })
  end
  select(actions, row.goal, function(item) return item[1] end, function(item) item[2]() end)
end

---All runs, newest first.
function M.runs()
  client.exec('listWorkspaces', {}, function(rows)
    if not rows or #rows == 0 then
      return client.say('no runs yet: `:Goal {text}` starts one')
    end
    select(rows, 'Runs', M.line, act)
  end)
end

---A run that stands still, and can go on.
---@param rows orchestrator.Workspace[]
---@return orchestrator.Workspace[]
function M.resumable(rows)
  return vim.tbl_filter(function(row)
    return row.standsStill or row.status == 'failed'
  end, rows)
end

---@param run_id? string
function M.resume(run_id)
  client.exec('listWorkspaces', {}, function(rows)
    local candidates = vim.tbl_filter(function(row)
      return not run_id or row.runId == run_id
    end, M.resumable(rows or {}))
    local function go(row)
      client.exec('resume', { workspace = row.workspace }, function()
        client.murmur('goes on: ' .. M.line(row))
      end)
    end
    if #candidates == 0 then
      client.say(run_id and ('no run `%s` stands still'):format(run_id) or 'no run stands still')
    elseif #candidates == 1 then
      go(candidates[1])
    else
      select(candidates, 'Resume', M.line, go)
    end
  end)
end

---@param run_id? string
function M.artifacts(run_id)
  client.exec('runState', { runId = run_id }, function(state)
    local artifacts = state and state.artifacts or {}
    if #artifacts == 0 then
      return client.say('there are no artifacts yet')
    end
    select(artifacts, 'Artifacts', function(artifact)
      return ('%s  (%s)'):format(artifact.path, artifact.step)
    end, function(artifact)
      client.exec('openArtifact', { workspace = state.workspace, path = artifact.path })
    end)
  end)
end

---What the runs cost.
function M.costs()
  client.exec('listWorkspaces', {}, function(rows)
    local total, unknown, lines = 0, 0, {}
    for _, row in ipairs(rows or {}) do
      local known = type(row.costUsd) == 'number'
      total, unknown = total + (known and row.costUsd or 0), unknown + (known and 0 or 1)
      table.insert(lines, { M.line(row) .. '\n' })
    end
    local rest = unknown > 0 and (' and %d of unknown price'):format(unknown) or ''
    table.insert(lines, { ('$%.2f in all%s'):format(total, rest), 'Title' })
    vim.api.nvim_echo(lines, false, {})
  end)
end

---Removes ended workspaces, after showing how many.
---@param days? integer
function M.cleanup(days)
  client.exec('cleanup', { days = days, dryRun = true }, function(found)
    local count = type(found) == 'table' and #found or 0
    if count == 0 then
      return client.say('nothing to clean up')
    end
    local choices = { 'Keep them', ('Remove %d workspaces for good'):format(count) }
    select(choices, ('%d ended workspaces'):format(count), tostring, function(choice)
      if choice == choices[2] then
        client.exec('cleanup', { days = days, dryRun = false }, function(removed)
          client.murmur(('removed %d workspaces'):format(#(removed or {})))
        end)
      end
    end)
  end)
end

return M
