-- Where documents of the server open: in one window below, never over something unsaved, never taking the cursor unless the user asked.
local M = {}

---@type integer? The window that was opened for documents of ours.
local below

---@param win integer?
---@return boolean
local function is_usable(win)
  return win ~= nil
    and vim.api.nvim_win_is_valid(win)
    and vim.api.nvim_win_get_tabpage(win) == vim.api.nvim_get_current_tabpage()
    and not vim.bo[vim.api.nvim_win_get_buf(win)].modified
    and not vim.wo[win].winfixbuf
end

---@param win integer
---@return boolean
local function is_untouched(win)
  local bufnr = vim.api.nvim_win_get_buf(win)
  return vim.api.nvim_buf_get_name(bufnr) == ''
    and vim.bo[bufnr].buftype == ''
    and not vim.bo[bufnr].modified
    and vim.api.nvim_buf_line_count(bufnr) == 1
end

---The window to split: the current one, or below a float the first ordinary one.
---@return integer
local function anchor()
  local current = vim.api.nvim_get_current_win()
  if vim.api.nvim_win_get_config(current).relative == '' then
    return current
  end
  for _, win in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    if vim.api.nvim_win_get_config(win).relative == '' then
      return win
    end
  end
  return current
end

---@param bufnr integer
---@param focus boolean
---@return integer win
local function place(bufnr, focus)
  local shown = vim.fn.win_findbuf(bufnr)
  for _, win in ipairs(shown) do
    if vim.api.nvim_win_get_tabpage(win) == vim.api.nvim_get_current_tabpage() then
      return win
    end
  end
  local current = vim.api.nvim_get_current_win()
  local active = require('orchestrator.config').get().open_artifacts == 'active'
  -- The user's own window is used where it shows nothing yet, or where they want it so.
  local own = focus and is_untouched(current) or active and is_usable(current)
  if own and vim.api.nvim_win_get_config(current).relative == '' then
    vim.api.nvim_win_set_buf(current, bufnr)
    return current
  end
  if is_usable(below) then
    ---@cast below integer
    vim.api.nvim_win_set_buf(below, bufnr)
    return below
  end
  below = vim.api.nvim_open_win(bufnr, false, { split = 'below', win = anchor() })
  return below
end

---@param path string
---@param options {focus?: boolean, line?: integer} The line counts from 0.
---@return boolean shown
function M.open(path, options)
  -- No window can be opened while the command-line window has the keyboard.
  if vim.fn.getcmdwintype() ~= '' then
    return false
  end
  local bufnr = vim.fn.bufadd(path)
  vim.bo[bufnr].buflisted = true
  local win = place(bufnr, options.focus == true)
  if options.line then
    local last = vim.api.nvim_buf_line_count(bufnr)
    vim.api.nvim_win_set_cursor(win, { math.min(options.line + 1, last), 0 })
  end
  if options.focus then
    vim.api.nvim_set_current_win(win)
  end
  require('orchestrator.approvals').draw()
  return true
end

return M
