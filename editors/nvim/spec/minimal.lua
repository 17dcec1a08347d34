-- The smallest configuration that has the plugin: for tests and for reports of bugs (`nvim -u minimal.lua`).
local here = vim.fs.dirname(vim.fs.normalize(debug.getinfo(1, 'S').source:sub(2)))
vim.opt.runtimepath:prepend(vim.fs.dirname(here))
vim.g.ai_orchestrator = { cmd = { vim.env.AI_ORCHESTRATOR or 'ai-orchestrator', 'lsp' } }
vim.opt.swapfile = false
vim.opt.shadafile = 'NONE'
vim.opt.statusline = " %f%m %= %{v:lua.require'orchestrator'.statusline()} "

-- What happened, for tests to look at.
_G.seen = {}
vim.api.nvim_create_autocmd('User', {
  pattern = 'Orchestrator*',
  callback = function(event)
    table.insert(_G.seen, event.match)
  end,
})
vim.api.nvim_create_autocmd('LspProgress', {
  callback = function(event)
    local value = event.data.params.value
    table.insert(_G.seen, 'progress ' .. value.kind .. ' ' .. (value.message or ''))
  end,
})
