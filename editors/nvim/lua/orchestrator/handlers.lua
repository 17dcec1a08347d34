-- What the server asks and tells, for our client alone. Other clients keep Neovim's own handlers.
local M = {}

---@type lsp.Handler
local function show_message_request(err, params, ctx, config)
  local titles = vim.tbl_map(function(action)
    return action.title
  end, params and params.actions or {})
  local asking, is_main = coroutine.running()
  if err or not asking or is_main or not vim.tbl_contains(titles, 'Approve') then
    return vim.lsp.handlers['window/showMessageRequest'](err, params, ctx, config)
  end
  -- The request stays open until its question is decided; whoever is typing types on.
  require('orchestrator.approvals').prompted(ctx.client_id, params.message, function(answer)
    vim.schedule(function()
      coroutine.resume(asking, answer)
    end)
  end)
  return coroutine.yield()
end

---@type lsp.Handler
local function show_document(err, params, ctx, config)
  if err or params.external or not vim.startswith(params.uri, 'file:') then
    return vim.lsp.handlers['window/showDocument'](err, params, ctx, config)
  end
  local start = params.selection and params.selection.start
  local options = { focus = params.takeFocus == true, line = start and start.line }
  local worked, shown = pcall(require('orchestrator.show').open, vim.uri_to_fname(params.uri), options)
  return { success = worked and shown }
end

---@type lsp.Handler
local function runs_changed(_, params, ctx)
  require('orchestrator.runs').changed(ctx.client_id, params.runs or {})
  if vim.fn.has('nvim-0.12') == 0 then
    -- Running a lens clears its line there, and the refresh that follows may have been answered before that.
    require('orchestrator.lens').refresh_all(ctx.client_id)
  end
end

---@type lsp.Handler
local function status(_, params, ctx)
  require('orchestrator.status').told(ctx.client_id, params)
end

---@type lsp.Handler
local function show_message(_, params)
  local level = ({ vim.log.levels.ERROR, vim.log.levels.WARN, vim.log.levels.INFO, vim.log.levels.INFO })[params.type]
  require('orchestrator.client').murmur(params.message, level)
end

-- Edits of open documents of a run are written at once, so that none of them stays unsaved for what the server did. Without autocommands:
-- nothing that formats on save, and no `didSave`, which is for what the user saves.
---@type lsp.Handler
local function apply_edit(err, params, ctx, config)
  local ours = {}
  for _, change in ipairs(not err and params.edit.documentChanges or {}) do
    local path = change.textDocument and vim.uri_to_fname(change.textDocument.uri) or ''
    local bufnr = vim.fn.bufnr(vim.fn.fnameescape(path))
    if bufnr ~= -1 and not vim.bo[bufnr].modified and require('orchestrator.runs').owns(path) then
      table.insert(ours, bufnr)
    end
  end
  local result = vim.lsp.handlers['workspace/applyEdit'](err, params, ctx, config)
  for _, bufnr in ipairs(ours) do
    vim.api.nvim_buf_call(bufnr, function()
      vim.cmd('silent! noautocmd lockmarks write!')
    end)
  end
  require('orchestrator.approvals').draw()
  return result
end

---@return table<string, lsp.Handler>
function M.table()
  local handlers = {
    ['window/showMessageRequest'] = show_message_request,
    ['window/showDocument'] = show_document,
    ['window/showMessage'] = show_message,
    ['workspace/applyEdit'] = apply_edit,
    ['orchestrator/runsChanged'] = runs_changed,
    ['orchestrator/status'] = status,
  }
  if vim.fn.has('nvim-0.12') == 0 then
    handlers['workspace/codeLens/refresh'] = function(_, _, ctx)
      require('orchestrator.lens').refresh_all(ctx.client_id)
      return vim.NIL
    end
  end
  return handlers
end

---Decisions by lens and code action: Neovim would drop the reason of a refusal.
---@return table<string, fun(command: lsp.Command, ctx: table)>
function M.commands()
  local commands = {}
  for _, verb in ipairs({ 'approve', 'reject' }) do
    commands['orchestrator.' .. verb] = function(command, ctx)
      local argument = (command.arguments or {})[1] or {}
      local client = vim.lsp.get_client_by_id(ctx.client_id)
      if not client then
        return
      end
      require('orchestrator.client').send(client, verb, argument, function(err, result)
        local what = ('%s · %s'):format(argument.runId or '', argument.approvalId or '')
        require('orchestrator.approvals').told(verb, what, err, result)
      end)
    end
  end
  return commands
end

return M
