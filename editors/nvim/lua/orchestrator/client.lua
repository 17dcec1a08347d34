-- The connection: finds or starts our client, sends commands. The only file that knows how the versions of Neovim differ there.
local M = {}

local NAME = 'ai_orchestrator'
-- Since 0.11 the functions of a client are methods.
local has_methods = vim.fn.has('nvim-0.11') == 1

---@type fun(client: vim.lsp.Client)[]
local waiting = {}
---@type integer?
local last_used
---@type integer[]?
local reattach

---@param client vim.lsp.Client
local function call(client, name, ...)
  if has_methods then
    return client[name](client, ...)
  end
  return client[name](...)
end

---@param text string
---@param level? integer
function M.say(text, level)
  vim.notify('orchestrator: ' .. text:gsub('%s*\n%s*', ' '), level or vim.log.levels.INFO, { title = 'orchestrator' })
end

---Says what nobody asked for: never more than one line, so that it can never ask for a key.
---@param text string
---@param level? integer
function M.murmur(text, level)
  if not require('orchestrator.config').get().notify then
    return
  end
  local room = math.max(vim.v.echospace - #'orchestrator: ', 20)
  M.say(M.shorten(text, room), level)
end

---@param text string
---@param room integer In screen cells.
---@return string
function M.shorten(text, room)
  text = text:gsub('%s+', ' ')
  if vim.fn.strdisplaywidth(text) <= room then
    return text
  end
  local kept = vim.fn.strcharpart(text, 0, room - 1)
  while vim.fn.strdisplaywidth(kept) > room - 1 do
    kept = vim.fn.strcharpart(kept, 0, vim.fn.strchars(kept) - 1)
  end
  return kept .. '…'
end

---The client of the current buffer, else the one used last, else any.
---@return vim.lsp.Client?
function M.get()
  local here = vim.lsp.get_clients({ name = NAME, bufnr = 0 })[1]
  local last = last_used and vim.lsp.get_client_by_id(last_used)
  return here or last or vim.lsp.get_clients({ name = NAME })[1]
end

---@return vim.lsp.ClientConfig
local function config()
  if vim.lsp.config then
    return vim.deepcopy(vim.lsp.config[NAME])
  end
  local own = dofile(vim.api.nvim_get_runtime_file('lsp/ai_orchestrator.lua', false)[1])
  own.capabilities = vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), own.capabilities)
  return own
end

---@param bufnr? integer Attached when it is given.
local function start(bufnr)
  local own = config()
  own.root_dir = require('orchestrator.config').root(bufnr or 0)
  if bufnr or vim.lsp.config then
    return vim.lsp.start(own, { bufnr = bufnr, attach = bufnr ~= nil })
  end
  return vim.lsp.start_client(own)
end

---Starts the server for a buffer that holds a file (0.10; later versions do it themselves).
---@param bufnr integer
function M.attach(bufnr)
  if vim.bo[bufnr].buftype == '' and require('orchestrator.config').found() then
    start(bufnr)
  end
end

---Calls back with a client that is ready; starts one where there is none.
---@param callback fun(client: vim.lsp.Client)
function M.with(callback)
  local client = M.get()
  if client and client.initialized then
    last_used = client.id
    return callback(client)
  end
  table.insert(waiting, callback)
  if vim.lsp.get_clients({ name = NAME, _uninitialized = true })[1] then
    return
  end
  local found, program = require('orchestrator.config').found()
  if not found or not start(M.is_file(0) and vim.api.nvim_get_current_buf() or nil) then
    waiting = {}
    M.say(('`%s` was not found or did not start; `:checkhealth orchestrator` says more'):format(program), vim.log.levels.ERROR)
  end
end

---@param bufnr integer
---@return boolean
function M.is_file(bufnr)
  return vim.bo[bufnr].buftype == '' and vim.api.nvim_buf_get_name(bufnr) ~= ''
end

---@param client vim.lsp.Client
function M.ready(client)
  local callbacks = waiting
  waiting = {}
  last_used = client.id
  -- The client calls itself initialized only after this.
  vim.schedule(function()
    for _, callback in ipairs(callbacks) do
      callback(client)
    end
  end)
end

---@param client_id integer
function M.gone(client_id)
  require('orchestrator.runs').forget(client_id)
  require('orchestrator.approvals').forget(client_id)
  -- The one that has just ended may still be listed, and would be taken for one that serves.
  if reattach and vim.lsp.get_client_by_id(client_id) then
    vim.defer_fn(function()
      M.gone(client_id)
    end, 20)
    return
  end
  local others = vim.iter(vim.lsp.get_clients({ name = NAME })):any(function(client)
    return client.id ~= client_id
  end)
  if reattach and not others then
    local buffers = reattach
    reattach = nil
    for _, bufnr in ipairs(buffers) do
      if vim.api.nvim_buf_is_loaded(bufnr) then
        M.attach(bufnr)
      end
    end
    if #buffers == 0 then
      start()
    end
  end
end

---Live runs pause and can be resumed.
function M.restart()
  local clients = vim.lsp.get_clients({ name = NAME })
  reattach = {}
  for _, client in ipairs(clients) do
    vim.list_extend(reattach, vim.tbl_keys(client.attached_buffers))
    call(client, 'stop')
  end
  if #clients == 0 then
    reattach = nil
    M.with(function() end)
  end
end

---@param command string Without `orchestrator.`.
---@param argument? table
---@return lsp.ExecuteCommandParams
local function params(command, argument)
  local object = argument and next(argument) and argument or vim.empty_dict()
  return { command = 'orchestrator.' .. command, arguments = { object } }
end

---Sends a command to one client.
---@param client vim.lsp.Client
---@param command string
---@param argument? table
---@param callback fun(err?: lsp.ResponseError, result: any)
function M.send(client, command, argument, callback)
  call(client, 'request', 'workspace/executeCommand', params(command, argument), function(err, result)
    callback(err, result ~= vim.NIL and result or nil)
  end)
end

---Sends a command that the user gave; says what went wrong.
---@param command string
---@param argument? table
---@param callback? fun(result: any, client: vim.lsp.Client)
---@param on_error? fun(err: lsp.ResponseError): boolean? True when the error is dealt with.
function M.exec(command, argument, callback, on_error)
  M.with(function(client)
    M.send(client, command, argument, function(err, result)
      if err then
        if not (on_error and on_error(err)) then
          M.say(err.message, vim.log.levels.ERROR)
        end
      elseif callback then
        callback(result, client)
      end
    end)
  end)
end

---For completion alone: waits a moment for an answer, and does without one.
---@param command string
---@param argument? table
---@return any
function M.ask_now(command, argument)
  local client = M.get()
  if not client or not client.initialized then
    return nil
  end
  local answer = call(client, 'request_sync', 'workspace/executeCommand', params(command, argument), 300, 0)
  local result = answer and answer.result
  return result ~= vim.NIL and result or nil
end

---@param client vim.lsp.Client
---@param method string
---@param arguments table
---@param handler function
---@param bufnr integer
function M.request(client, method, arguments, handler, bufnr)
  return call(client, 'request', method, arguments, handler, bufnr)
end

return M
