-- Progress by the editor's own means: since 0.12 the message area and with it the statusline and the terminal. Before, nothing is drawn:
-- notification plugins show it, and the statusline component tells it too.
local M = {}

local can_show = vim.fn.has('nvim-0.12') == 1
local shown = {}

---@param params {token: string|integer, value: table}
function M.show(params)
  if not can_show or not require('orchestrator.config').get().progress then
    return
  end
  local value, token = params.value, params.token
  local has_ended = value.kind == 'end'
  local text = value.message or ''
  -- The same words again would only push other messages away.
  if not has_ended and shown[token] == text then
    return
  end
  shown[token] = not has_ended and text or nil
  local title = value.title or 'orchestrator'
  local room = math.max(vim.v.echospace - vim.fn.strdisplaywidth(title) - 4, 20)
  local words = text:match('^%a+') or ''
  local status = not has_ended and 'running' or words == 'completed' and 'success' or words == 'failed' and 'failed' or 'cancel'
  vim.api.nvim_echo({ { require('orchestrator.client').shorten(text, room) } }, has_ended, {
    id = 'orchestrator.' .. token,
    kind = 'progress',
    source = 'orchestrator',
    title = title,
    status = status,
  })
end

return M
