-- :Goal and :Orchestrator. Each word is a command of the server or a list to choose from; nothing is worked out here.
local M = {}

local client = require('orchestrator.client')

---@class orchestrator.Word
---@field run fun(rest: string, call: table)
---@field complete? fun(): string[]

---@param line1 integer From 1.
---@param line2 integer
local function lines_range(line1, line2)
  local last = vim.api.nvim_buf_get_lines(0, line2 - 1, line2, false)[1] or ''
  return { start = { line = line1 - 1, character = 0 }, ['end'] = { line = line2 - 1, character = #last } }
end

---The part of the document that a range of a command stands for: what was selected, where it was selected by characters.
---@param call table
---@return string text
---@return table range
local function selection(call)
  local from, to = vim.fn.getpos("'<"), vim.fn.getpos("'>")
  local by_characters = vim.fn.visualmode() == 'v' and call.line1 == from[2] and call.line2 == to[2]
  local lines = by_characters and vim.fn.getregion(from, to, { type = 'v' })
    or vim.api.nvim_buf_get_lines(0, call.line1 - 1, call.line2, false)
  return vim.trim(table.concat(lines, '\n')), lines_range(call.line1, call.line2)
end

---@return string?
local function document()
  return client.is_file(0) and vim.uri_from_bufnr(0) or nil
end

local function started(result)
  if result and result.runId then
    client.murmur(('run %s has started'):format(result.runId))
  end
end

---@param command 'runGoal'|'planGoal'
local function at_cursor(command)
  local uri = document()
  local line = vim.api.nvim_win_get_cursor(0)[1]
  if not uri then
    return client.exec('newGoal')
  end
  local at = { line = line - 1, character = 0 }
  client.exec(command, { uri = uri, range = { start = at, ['end'] = at } }, started, function(err)
    -- Invalid parameters: there is no goal at this place.
    if err.code == -32602 then
      client.exec('newGoal')
      return true
    end
  end)
end

---@param command 'runGoal'|'planGoal'
---@param call table
---@param text string
local function goal(command, call, text)
  if text ~= '' then
    client.exec(command, { goal = text, uri = document() }, started)
  elseif call.range > 0 then
    local selected, range = selection(call)
    client.exec(command, { goal = selected, uri = document(), range = document() and range }, started)
  else
    at_cursor(command)
  end
end

---@param call table
function M.goal(call)
  goal('runGoal', call, vim.trim(call.args))
end

-- The run that a word is about: the one named, else whatever the server takes for the only candidate.
local function of_run(command)
  return function(rest)
    client.exec(command, { runId = rest ~= '' and rest or nil })
  end
end

---@param command 'retryStep'|'skipStep'
local function of_step(command)
  return function(rest)
    local step, note = rest:match('^(%S+)%s*(.*)$')
    if not step then
      return client.say('which step? `:Orchestrator ' .. command:gsub('Step', '') .. ' s2`', vim.log.levels.WARN)
    end
    client.exec('runState', {}, function(state)
      if state then
        client.exec(command, { runId = state.run_id, stepId = step, note = note ~= '' and note or nil })
      end
    end)
  end
end

local function run_ids(wanted)
  return function()
    local ids = {}
    for _, row in ipairs(client.ask_now('listWorkspaces') or {}) do
      if wanted(row) then
        table.insert(ids, row.runId)
      end
    end
    return ids
  end
end

local function steps()
  local state = client.ask_now('runState') or {}
  return vim.tbl_map(function(step)
    return step.id
  end, state.steps or {})
end

local function is_live(row)
  local now = require('orchestrator.runs').get(row.runId)
  return now ~= nil and require('orchestrator.runs').is_live(now)
end

local DOCUMENTS = { 'summary', 'plan', 'approvals', 'context', 'history' }

---The workspace that is meant: the named run's, else that of the document, else the latest.
---@param run_id? string
---@param callback fun(workspace: string)
local function workspace(run_id, callback)
  client.exec('listWorkspaces', {}, function(rows)
    local name = vim.api.nvim_buf_get_name(0)
    for _, row in ipairs(rows or {}) do
      if run_id == row.runId or not run_id and vim.startswith(name, row.workspace .. '/') then
        return callback(row.workspace)
      end
    end
    if rows and rows[1] and not run_id then
      return callback(rows[1].workspace)
    end
    client.say(run_id and ('there is no run `%s`'):format(run_id) or 'no runs yet: `:Goal {text}` starts one')
  end)
end

---@type table<string, orchestrator.Word>
M.words = {
  run = {
    run = function(rest, call)
      goal('runGoal', call, rest)
    end,
  },
  plan = {
    run = function(rest, call)
      goal('planGoal', call, rest)
    end,
  },
  approve = {
    run = function(rest)
      require('orchestrator.approvals').decide('approve', rest ~= '' and rest or nil)
    end,
  },
  reject = {
    run = function(rest)
      require('orchestrator.approvals').decide('reject', rest ~= '' and rest or nil)
    end,
  },
  next = {
    run = function()
      require('orchestrator.approvals').next()
    end,
  },
  approvals = { run = of_run('openApprovals'), complete = run_ids(is_live) },
  runs = {
    run = function()
      require('orchestrator.pick').runs()
    end,
  },
  open = {
    run = function(rest)
      local what, run_id = rest:match('^(%S*)%s*(%S*)$')
      workspace(run_id ~= '' and run_id or nil, function(folder)
        client.exec('openWorkspace', { workspace = folder, what = what ~= '' and what or nil })
      end)
    end,
    complete = function()
      return DOCUMENTS
    end,
  },
  artifacts = {
    run = function(rest)
      require('orchestrator.pick').artifacts(rest ~= '' and rest or nil)
    end,
    complete = run_ids(is_live),
  },
  resume = {
    run = function(rest)
      require('orchestrator.pick').resume(rest ~= '' and rest or nil)
    end,
    complete = run_ids(function(row)
      return #require('orchestrator.pick').resumable({ row }) == 1
    end),
  },
  retry = { run = of_step('retryStep'), complete = steps },
  skip = { run = of_step('skipStep'), complete = steps },
  stop = { run = of_run('stop'), complete = run_ids(is_live) },
  pause = { run = of_run('pause'), complete = run_ids(is_live) },
  costs = {
    run = function()
      require('orchestrator.pick').costs()
    end,
  },
  cleanup = {
    run = function(rest)
      require('orchestrator.pick').cleanup(tonumber(rest))
    end,
  },
  doctor = {
    run = function()
      client.exec('doctor', { open = true })
    end,
  },
  log = {
    run = function(rest)
      client.exec('runState', {}, function(state)
        client.exec('showLog', { runId = state and state.run_id, stepId = rest ~= '' and rest or nil })
      end)
    end,
    complete = steps,
  },
  sample = {
    run = function()
      client.exec('runSample', {}, started)
    end,
  },
  restart = {
    run = function()
      client.restart()
    end,
  },
}

---@param call table
function M.orchestrator(call)
  local name, rest = vim.trim(call.args):match('^(%S+)%s*(.*)$')
  local word = M.words[name]
  if not word then
    return client.say(('there is no `:Orchestrator %s`'):format(name), vim.log.levels.ERROR)
  end
  word.run(rest, call)
end

---@param all string[]
---@param lead string
---@return string[]
local function starting(all, lead)
  return vim.tbl_filter(function(one)
    return vim.startswith(one, lead)
  end, all)
end

---@param lead string What stands before the cursor of the word to complete.
---@param line string The whole command line.
---@return string[]
function M.complete(lead, line)
  local name = line:match('Orchestrator!?%s+(%S+)%s+%S*$')
  if name then
    local word = M.words[name]
    return word and word.complete and starting(word.complete(), lead) or {}
  end
  if line:match('Orchestrator!?%s+%S*$') then
    local names = vim.tbl_keys(M.words)
    table.sort(names)
    return starting(names, lead)
  end
  return {}
end

---Recent goals, whole: they complete what has been typed of the goal, not only its last word.
---@param lead string
---@param line string
---@return string[]
function M.complete_goal(lead, line)
  local typed = line:match('Goal%s+(.*)$') or ''
  local seen, goals = {}, {}
  for _, row in ipairs(client.ask_now('listWorkspaces') or {}) do
    local text = vim.trim((row.goal:gsub('%s+', ' ')))
    if not seen[text] and vim.startswith(text, typed) then
      seen[text] = true
      table.insert(goals, lead .. text:sub(#typed + 1))
    end
  end
  return goals
end

return M
