-- Commands and <Plug> maps. Nothing of the plugin is loaded before it is used; nothing has to be set up.
if vim.g.loaded_orchestrator then
  return
end
vim.g.loaded_orchestrator = true
-- An older Neovim gets nothing but a reason: :checkhealth orchestrator
if vim.fn.has('nvim-0.10') == 0 then
  return
end

local command, map = vim.api.nvim_create_user_command, vim.keymap.set

command('Goal', function(call)
  require('orchestrator.commands').goal(call)
end, {
  nargs = '*',
  range = true,
  desc = 'Run a goal: the text given, the selection, or the goal under the cursor',
  complete = function(lead, line)
    return require('orchestrator.commands').complete_goal(lead, line)
  end,
})

command('Orchestrator', function(call)
  require('orchestrator.commands').orchestrator(call)
end, {
  nargs = '+',
  range = true,
  desc = 'Runs, plans and approvals',
  complete = function(lead, line)
    return require('orchestrator.commands').complete(lead, line)
  end,
})

map('n', '<Plug>(OrchestratorRun)', '<Cmd>Goal<CR>', { desc = 'Run the goal under the cursor' })
map('x', '<Plug>(OrchestratorRun)', ':Goal<CR>', { desc = 'Run the selection as a goal', silent = true })
map('n', '<Plug>(OrchestratorApprove)', '<Cmd>Orchestrator approve<CR>', { desc = 'Approve what waits' })
map('n', '<Plug>(OrchestratorReject)', ':Orchestrator reject ', { desc = 'Reject what waits, with a note' })
map('n', '<Plug>(OrchestratorNextApproval)', '<Cmd>Orchestrator next<CR>', { desc = 'Go to the next open approval' })
map('n', '<Plug>(OrchestratorRuns)', '<Cmd>Orchestrator runs<CR>', { desc = 'Pick a run' })

local group = vim.api.nvim_create_augroup('orchestrator', {})
vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'ai_orchestrator' then
      require('orchestrator').attached(client, event.buf)
    end
  end,
})
vim.api.nvim_create_autocmd('LspProgress', {
  group = group,
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'ai_orchestrator' then
      require('orchestrator.progress').show(event.data.params)
    end
  end,
})

if vim.lsp.enable then
  vim.lsp.enable('ai_orchestrator')
else
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    callback = function(event)
      require('orchestrator.client').attach(event.buf)
    end,
  })
end
