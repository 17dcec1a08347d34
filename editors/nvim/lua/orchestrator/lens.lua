-- Code lenses of our client alone: the user's choice about those of other servers stays theirs.
local M = {}

local has_lenses = vim.fn.has('nvim-0.12') == 1

---@param client vim.lsp.Client
---@param bufnr integer
local function refresh(client, bufnr)
  if vim.api.nvim_buf_is_loaded(bufnr) then
    local params = { textDocument = vim.lsp.util.make_text_document_params(bufnr) }
    require('orchestrator.client').request(client, 'textDocument/codeLens', params, vim.lsp.codelens.on_codelens, bufnr)
  end
end

---@param client vim.lsp.Client
---@param bufnr integer
function M.attach(client, bufnr)
  if not require('orchestrator.config').get().lenses then
    return
  end
  if has_lenses then
    return vim.lsp.codelens.enable(true, { client_id = client.id })
  end
  -- Lenses stand at the end of the line here, where the text of a diagnostic that says the same could push them off the screen.
  if vim.diagnostic.config().virtual_text then
    local namespace = vim.lsp.diagnostic.get_namespace(client.id)
    vim.diagnostic.config({ virtual_text = { severity = { min = vim.diagnostic.severity.WARN } } }, namespace)
  end
  local group = vim.api.nvim_create_augroup('orchestrator.lens.' .. bufnr, {})
  vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'TextChanged', 'BufWritePost' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      local current = vim.lsp.get_client_by_id(client.id)
      if not current then
        return true
      end
      refresh(current, bufnr)
    end,
  })
  refresh(client, bufnr)
end

---@param client_id integer
function M.refresh_all(client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  if client and require('orchestrator.config').get().lenses then
    for bufnr in pairs(client.attached_buffers) do
      refresh(client, bufnr)
    end
  end
end

return M
