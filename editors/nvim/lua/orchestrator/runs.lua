-- The runs as the server tells them (`orchestrator/runsChanged`), and what has changed since, told as User events.
local M = {}

---@class orchestrator.Row
---@field runId string
---@field status string
---@field stepsDone integer
---@field steps integer
---@field costUsd? number
---@field pendingApprovals integer
---@field workspace string

---@type table<integer, orchestrator.Row[]> by client
local known = {}

local ENDED = { completed = true, failed = true, cancelled = true }
local STILL = { paused = true, parked = true }

---@param row orchestrator.Row
function M.has_ended(row)
  return ENDED[row.status] == true
end

---@param row orchestrator.Row
function M.is_live(row)
  return not ENDED[row.status] and not STILL[row.status]
end

---What happened between two tellings of one run, in the order in which it must have happened.
---@param before? orchestrator.Row
---@param now orchestrator.Row
---@return string[]
function M.events(before, now)
  local events = {}
  local was_live = before ~= nil and M.is_live(before)
  if M.is_live(now) and not was_live or before == nil and M.has_ended(now) then
    table.insert(events, 'RunStarted')
  end
  if now.stepsDone > (before and before.stepsDone or 0) then
    table.insert(events, 'StepDone')
  end
  if now.pendingApprovals > (before and before.pendingApprovals or 0) then
    table.insert(events, 'ApprovalPending')
  end
  if M.has_ended(now) and not (before and M.has_ended(before)) then
    table.insert(events, 'RunDone')
  end
  return events
end

---@return orchestrator.Row[]
function M.list()
  local all = {}
  for _, id in ipairs(vim.tbl_keys(known)) do
    vim.list_extend(all, known[id])
  end
  return all
end

---@param run_id string
---@return orchestrator.Row?
function M.get(run_id)
  for _, row in ipairs(M.list()) do
    if row.runId == run_id then
      return row
    end
  end
end

---Whether a file lies in the workspace of a run of this session.
---@param path string
---@return boolean
function M.owns(path)
  return vim.iter(M.list()):any(function(row)
    return vim.startswith(path, row.workspace .. '/')
  end)
end

-- Documents of a run follow what it does; one that the user is changing is left alone.
---@param row orchestrator.Row
local function reload(row)
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    local name = vim.api.nvim_buf_get_name(bufnr)
    local ours = vim.startswith(name, row.workspace .. '/') and vim.api.nvim_buf_is_loaded(bufnr)
    if ours and not vim.bo[bufnr].modified and vim.bo[bufnr].buftype == '' then
      vim.bo[bufnr].autoread = true
      vim.cmd('silent! checktime ' .. bufnr)
    end
  end
end

local WORDS = { completed = 'completed', failed = 'failed', cancelled = 'was cancelled' }

---@param client_id integer
---@param rows orchestrator.Row[]
function M.changed(client_id, rows)
  local before = {}
  for _, row in ipairs(known[client_id] or {}) do
    before[row.runId] = row
  end
  known[client_id] = rows
  for _, row in ipairs(rows) do
    local old = before[row.runId]
    if not vim.deep_equal(old, row) then
      reload(row)
      for _, event in ipairs(M.events(old, row)) do
        vim.api.nvim_exec_autocmds('User', { pattern = 'Orchestrator' .. event, modeline = false, data = row })
        if event == 'RunDone' and row.status ~= 'completed' then
          local text = ('%s %s (:Orchestrator open summary)'):format(row.runId, WORDS[row.status])
          require('orchestrator.client').murmur(text, row.status == 'failed' and vim.log.levels.WARN or nil)
        end
      end
    end
  end
  require('orchestrator.approvals').follow(client_id, rows)
  vim.cmd.redrawstatus({ bang = true })
end

---@param client_id integer
function M.forget(client_id)
  known[client_id] = nil
end

return M
