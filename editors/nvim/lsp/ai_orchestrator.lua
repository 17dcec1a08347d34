-- The server as Neovim's own client starts it. No `filetypes`: goals stand in any document.
-- `cmd`, `settings` and `trusted` come from `vim.g.ai_orchestrator`; whatever else is said with `vim.lsp.config()` is merged over this.
local config = require('orchestrator.config')
local options = config.get()

---@type vim.lsp.Config
return {
  name = 'ai_orchestrator',
  cmd = options.cmd,
  -- A function, so that a missing program is told to who asks for a goal and not to everyone who opens a file.
  root_dir = function(bufnr, on_dir)
    if config.found() then
      on_dir(config.root(bufnr))
    end
  end,
  workspace_required = false,
  flags = { debounce_text_changes = 0 },
  settings = { aiOrchestrator = options.settings },
  init_options = { trusted = options.trusted },
  capabilities = {
    experimental = { orchestrator = true },
    workspace = {
      -- Before 0.12 the editor has no lenses that can be told to change; this plugin draws them there.
      codeLens = { refreshSupport = true },
      -- Before 0.11 the editor takes versioned edits and does not say so.
      workspaceEdit = { documentChanges = true },
    },
  },
  handlers = require('orchestrator.handlers').table(),
  commands = require('orchestrator.handlers').commands(),
  on_init = function(client)
    require('orchestrator.client').ready(client)
  end,
  on_exit = function(_, _, client_id)
    vim.schedule(function()
      require('orchestrator.client').gone(client_id)
    end)
  end,
}
