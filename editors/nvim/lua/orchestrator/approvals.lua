-- Open questions. They wait in a queue, are marked at their place and never take a key; only a command of the user's decides.
local M = {}

---@class orchestrator.Question
---@field runId string
---@field id string
---@field step? string
---@field what string
---@field hash string Of what was shown: a decision about something that changed since is refused.
---@field uri string approvals.md
---@field line integer From 0.
---@field planUri string
---@field planLine? integer From 0; the step's line, or the plan's title.
---@field client_id integer

---@class orchestrator.Prompt
---@field message string
---@field client_id integer
---@field answer fun(result: any)

---@type orchestrator.Question[]
local open = {}
---@type orchestrator.Prompt[]
local prompts = {}
local namespace = vim.api.nvim_create_namespace('orchestrator.approvals')

---@return orchestrator.Question[]
function M.list()
  return open
end

-- A request is answered with nothing once its question is decided: the decision went another way.
---@param keep fun(prompt: orchestrator.Prompt): boolean
local function release(keep)
  local kept, released = {}, {}
  for _, prompt in ipairs(prompts) do
    table.insert(keep(prompt) and kept or released, prompt)
  end
  prompts = kept
  for _, prompt in ipairs(released) do
    prompt.answer(vim.NIL)
  end
end

---@param prompt orchestrator.Prompt
local function still_waits(prompt)
  for _, question in ipairs(open) do
    if question.client_id == prompt.client_id and prompt.message:find(question.runId, 1, true) then
      return true
    end
  end
  return false
end

---A question as the server tells it, without what is null there.
---@param approval table
---@return orchestrator.Question
function M.question(approval)
  local question = {}
  for key, value in pairs(approval) do
    if value ~= vim.NIL then
      question[key] = value
    end
  end
  return question
end

---@param client_id integer
---@param run_id string
---@param state? table The answer of `orchestrator.runState`.
local function take(client_id, run_id, state)
  open = vim.tbl_filter(function(question)
    return question.runId ~= run_id
  end, open)
  for _, approval in ipairs(state and state.approvals or {}) do
    local question = M.question(approval)
    question.runId, question.client_id, question.planUri = run_id, client_id, state.planUri
    table.insert(open, question)
  end
  release(still_waits)
  M.draw()
  vim.cmd.redrawstatus({ bang = true })
end

---Looks again at the runs that wait, or did.
---@param client_id integer
---@param rows orchestrator.Row[]
function M.follow(client_id, rows)
  local client = vim.lsp.get_client_by_id(client_id)
  for _, row in ipairs(rows) do
    local waited = vim.iter(open):any(function(question)
      return question.runId == row.runId
    end)
    if client and row.pendingApprovals > 0 then
      require('orchestrator.client').send(client, 'runState', { runId = row.runId }, function(err, state)
        if not err then
          take(client_id, row.runId, state)
        end
      end)
    elseif waited then
      take(client_id, row.runId, nil)
    end
  end
end

---@param uri string
---@param line? integer
local function mark(uri, line)
  local bufnr = vim.fn.bufnr(vim.fn.fnameescape(vim.uri_to_fname(uri)))
  if not line or bufnr == -1 or not vim.api.nvim_buf_is_loaded(bufnr) or line >= vim.api.nvim_buf_line_count(bufnr) then
    return
  end
  local chunks = {
    { '  ⏸ waits for you  ', 'DiagnosticWarn' },
    { ':Orchestrator approve', 'Special' },
    { '  or  ', 'Comment' },
    { 'reject [note]', 'Special' },
  }
  vim.api.nvim_buf_set_extmark(bufnr, namespace, line, 0, { id = line + 1, virt_lines = { chunks } })
end

---Marks every open question in the documents that are loaded.
function M.draw()
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
    end
  end
  for _, question in ipairs(open) do
    mark(question.uri, question.line)
    mark(question.planUri, question.planLine)
  end
end

---A prompt of the server: it is told, and waits.
---@param client_id integer
---@param message string
---@param answer fun(result: any)
function M.prompted(client_id, message, answer)
  table.insert(prompts, { client_id = client_id, message = message, answer = answer })
  require('orchestrator.client').murmur('approval waits (:Orchestrator approve): ' .. message, vim.log.levels.WARN)
end

---The question that a place is about: its line in approvals.md, or the only one of the document's run.
---@param questions orchestrator.Question[]
---@param uri string
---@param line integer From 0.
---@return orchestrator.Question?
function M.at(questions, uri, line)
  local here = vim.tbl_filter(function(question)
    return question.uri == uri or question.planUri == uri
  end, questions)
  for _, question in ipairs(here) do
    if question.uri == uri and question.line == line or question.planUri == uri and question.planLine == line then
      return question
    end
  end
  return #here == 1 and here[1] or nil
end

---@param question orchestrator.Question
---@return string
local function words(question)
  return ('%s · %s: %s'):format(question.runId, question.step or question.id, question.what)
end

---@param prompt string
---@param callback fun(question: orchestrator.Question)
local function choose(prompt, callback)
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  local here = M.at(open, vim.uri_from_bufnr(0), line) or #open == 1 and open[1]
  if here then
    return callback(here)
  elseif #open == 0 then
    return require('orchestrator.client').say('nothing waits for your approval')
  end
  vim.ui.select(open, { prompt = prompt, kind = 'orchestrator', format_item = words }, function(question)
    if question then
      callback(question)
    end
  end)
end

---@param verb 'approve'|'reject'
---@param note? string
function M.decide(verb, note)
  local connection = require('orchestrator.client')
  choose(verb == 'approve' and 'Approve' or 'Reject', function(question)
    local client = vim.lsp.get_client_by_id(question.client_id)
    if not client then
      return connection.say('the server that asked is gone: `:Orchestrator resume`', vim.log.levels.WARN)
    end
    local argument = { runId = question.runId, approvalId = question.id, hash = question.hash, note = note }
    connection.send(client, verb, argument, function(err, result)
      M.told(verb, words(question), err, result)
    end)
  end)
end

---Says what came of a decision.
---@param verb string
---@param what string
---@param err? lsp.ResponseError
---@param result? {decided: boolean, reason?: string}
function M.told(verb, what, err, result)
  local connection = require('orchestrator.client')
  if err or not result then
    connection.say(err and err.message or 'nothing was decided', vim.log.levels.ERROR)
  elseif result.decided then
    connection.murmur((verb == 'reject' and 'rejected ' or 'approved ') .. what)
  else
    connection.say(('not decided: %s'):format(result.reason or 'refused'), vim.log.levels.WARN)
  end
end

---Goes to the next open question after the cursor, from document to document.
function M.next()
  if #open == 0 then
    return require('orchestrator.client').say('nothing waits for your approval')
  end
  local here, line = vim.uri_from_bufnr(0), vim.api.nvim_win_get_cursor(0)[1] - 1
  local after = 0
  for index, question in ipairs(open) do
    if question.uri == here and question.line <= line then
      after = index
    end
  end
  local question = open[after % #open + 1]
  require('orchestrator.show').open(vim.uri_to_fname(question.uri), { focus = true, line = question.line })
end

---@param client_id integer
function M.forget(client_id)
  open = vim.tbl_filter(function(question)
    return question.client_id ~= client_id
  end, open)
  prompts = vim.tbl_filter(function(prompt)
    return prompt.client_id ~= client_id
  end, prompts)
  M.draw()
end

return M
