-- :checkhealth orchestrator. Runs in any Neovim that can load it, so that one that is too old is told why.
local M = {}

-- Before 0.10 the functions had other names, before 0.8 they stood elsewhere.
local health = vim.health or require('health')
local start = health.start or health.report_start
local ok = health.ok or health.report_ok
local info = health.info or health.report_info
local warn = health.warn or health.report_warn
local error = health.error or health.report_error

---@return boolean
local function version()
  if vim.fn.has('nvim-0.12') == 1 then
    ok('Neovim 0.12 or later: everything works')
  elseif vim.fn.has('nvim-0.10') == 1 then
    warn('Neovim before 0.12 works, and loses:', {
      'progress in the message area (a notification plugin such as fidget.nvim shows it; the statusline component does too)',
      'lenses above their line (they stand at its end) and `grx` to run them (map `vim.lsp.codelens.run()`)',
      vim.fn.has('nvim-0.11') == 0 and '`vim.lsp.config()` and `vim.lsp.enable()`; use `vim.g.ai_orchestrator`' or nil,
    })
  else
    error('Neovim before 0.10 is not supported: it has no `vim.lsp.get_clients()`, `vim.fs.root()` and `LspProgress`', {
      'use Neovim 0.10 or later; on the command line `ai-orchestrator` does everything without an editor',
    })
    return false
  end
  return true
end

---@param program string
---@return table?
local function report(program)
  local done = vim.system({ program, 'doctor', '--json' }, { text = true }):wait(20000)
  local worked, decoded = pcall(vim.json.decode, done.stdout or '')
  return worked and type(decoded) == 'table' and decoded or nil
end

local function server()
  local found, program = require('orchestrator.config').found()
  if not found then
    error(('`%s` is not in the path'):format(program), {
      'install it: `cargo install --path .` in its repository, or put the released program in the path',
      "or name it: `vim.g.ai_orchestrator = { cmd = { '/path/to/ai-orchestrator', 'lsp' } }`",
    })
    return
  end
  local full = vim.fn.exepath(program)
  if full == '' then
    return ok('the server is started by ' .. program)
  end
  ok(('`%s` found'):format(full))
  local told = report(full)
  if not told then
    return error('`doctor --json` gave no report', { 'run `ai-orchestrator doctor` in a terminal' })
  end
  for _, check in ipairs(told.checks or {}) do
    local say = ({ ok = ok, warning = warn, failed = error })[check.status] or info
    local hint = check.hint ~= vim.NIL and check.hint or nil
    local text = ('%s: %s'):format(check.name, check.message)
    if say == ok or say == info then
      say(text)
    else
      say(text, hint and { hint } or nil)
    end
  end
end

function M.check()
  start('orchestrator: Neovim')
  if not version() then
    return
  end
  local config = require('orchestrator.config')
  local problems = config.problems(config.raw())
  for _, problem in ipairs(problems) do
    error('vim.g.ai_orchestrator: ' .. problem)
  end
  if #problems == 0 then
    ok('vim.g.ai_orchestrator is sound')
  end
  local clients = vim.lsp.get_clients({ name = 'ai_orchestrator' })
  info(#clients == 0 and 'no server runs now (one starts with the first file, or the first `:Goal`)' or ('%d server runs'):format(#clients))
  start('orchestrator: the server')
  server()
end

return M
