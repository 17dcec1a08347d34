-- The user's options, from `vim.g.ai_orchestrator`. The server's own settings are passed on unread.
local M = {}

---@class orchestrator.Options
---@field cmd? string[] How the server is started.
---@field settings? table The server's settings, as below `aiOrchestrator` in the editor's configuration.
---@field trusted? boolean You vouch for the projects' own configuration files.
---@field open_artifacts? 'beside'|'active'|'never' Where documents open that nobody asked for.
---@field lenses? boolean Show code lenses of this server.
---@field progress? boolean Show progress in the message area (0.12).
---@field notify? boolean Say when something waits or has ended.

---@type orchestrator.Options
local defaults = {
  cmd = { 'ai-orchestrator', 'lsp' },
  settings = {},
  trusted = false,
  open_artifacts = 'beside',
  lenses = true,
  progress = true,
  notify = true,
}

---What is wrong with options, for :checkhealth; empty when nothing is.
---@param options table
---@return string[]
function M.problems(options)
  local problems = {}
  for key, value in pairs(options) do
    local default = defaults[key]
    if default == nil then
      table.insert(problems, ('unknown option `%s`'):format(key))
    elseif type(value) ~= type(default) then
      table.insert(problems, ('`%s` must be a %s, not a %s'):format(key, type(default), type(value)))
    end
  end
  if type(options.open_artifacts) == 'string' and not vim.tbl_contains({ 'beside', 'active', 'never' }, options.open_artifacts) then
    table.insert(problems, ('`open_artifacts` must be beside, active or never, not `%s`'):format(options.open_artifacts))
  end
  table.sort(problems)
  return problems
end

---The options as the user wrote them.
---@return table
function M.raw()
  local given = vim.g.ai_orchestrator
  if type(given) == 'function' then
    given = given()
  end
  return type(given) == 'table' and given or {}
end

---The options with the defaults; what is of the wrong type counts as left out.
---@return orchestrator.Options
function M.get()
  local options = vim.deepcopy(defaults)
  for key, value in pairs(M.raw()) do
    if type(value) == type(defaults[key]) then
      options[key] = value
    end
  end
  -- One switch for both sides: what is never shown need not be sent.
  local settings = vim.deepcopy(options.settings)
  settings.ui = vim.tbl_extend('keep', settings.ui or {}, { openArtifacts = options.open_artifacts })
  options.settings = settings
  return options
end

---The program that is started, and whether it is there.
---@return boolean found
---@return string program
function M.found()
  local cmd = vim.lsp.config and (vim.lsp.config.ai_orchestrator or {}).cmd or M.get().cmd
  if type(cmd) ~= 'table' then
    return true, 'a function of yours'
  end
  return vim.fn.executable(cmd[1]) == 1, cmd[1]
end

---The project of a buffer: the nearest folder upwards with a configuration of ours or a repository.
---@param bufnr integer
---@return string?
function M.root(bufnr)
  return vim.fs.root(bufnr, function(name, path)
    return name == 'orchestrator.json' and vim.fs.basename(path) ~= 'config'
      or name == '.git'
      or name == 'config' and vim.uv.fs_stat(vim.fs.joinpath(path, 'config', 'orchestrator.json')) ~= nil
  end)
end

return M
