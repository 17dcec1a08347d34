-- What other plugins and the user's own configuration call. Nothing here has to be called.
local M = {}

---Optional: the same as setting `vim.g.ai_orchestrator`.
---@param options? orchestrator.Options
function M.setup(options)
  vim.g.ai_orchestrator = options or {}
end

---For a statusline: what runs and what waits, empty when there is neither.
---@return string
function M.statusline()
  return require('orchestrator.status').statusline()
end

---The runs of this session as the server last told them, oldest first.
---@return orchestrator.Row[]
function M.runs()
  return require('orchestrator.runs').list()
end

---The open questions of this session, with the hash of what was shown.
---@return orchestrator.Question[]
function M.approvals()
  return require('orchestrator.approvals').list()
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.attached(client, bufnr)
  require('orchestrator.lens').attach(client, bufnr)
  require('orchestrator.approvals').draw()
end

return M
