-- The parts that need no server.
local function same(actual, expected)
  assert(vim.deep_equal(actual, expected), ('got %s, wanted %s'):format(vim.inspect(actual), vim.inspect(expected)))
end

local function row(change)
  local plain = { runId = 'r1', status = 'running', stepsDone = 0, steps = 4, costUsd = 0.25, pendingApprovals = 0, workspace = '/w' }
  return vim.tbl_extend('force', plain, change or {})
end

local function question(change)
  local plain = { runId = 'r1', id = 'A1', what = 'plan', hash = 'aa', uri = 'file:///w/approvals.md', line = 5 }
  return vim.tbl_extend('force', plain, { planUri = 'file:///w/plan.md', planLine = 4, client_id = 1 }, change or {})
end

local tests = {}

tests['a run that is new and lives has started'] = function()
  same(require('orchestrator.runs').events(nil, row()), { 'RunStarted' })
end

tests['a run that nobody saw running has started and ended'] = function()
  local done = row({ status = 'completed', stepsDone = 4 })
  same(require('orchestrator.runs').events(nil, done), { 'RunStarted', 'StepDone', 'RunDone' })
end

tests['a run that waits where nobody holds it can be taken up again'] = function()
  local waits = row({ status = 'waiting_approval', standsStill = false })
  local alone = row({ status = 'waiting_approval', standsStill = true })
  local failed = row({ status = 'failed', standsStill = false })
  same(require('orchestrator.pick').resumable({ waits, alone, failed }), { alone, failed })
end

tests['a run found paused has not started, and has when it goes on'] = function()
  local runs = require('orchestrator.runs')
  same(runs.events(nil, row({ status = 'paused' })), {})
  same(runs.events(row({ status = 'paused' }), row()), { 'RunStarted' })
end

tests['the same told twice is no news'] = function()
  local waiting = row({ status = 'waiting_approval', pendingApprovals = 1 })
  same(require('orchestrator.runs').events(waiting, waiting), {})
end

tests['a statusline without runs is empty'] = function()
  local words = require('orchestrator.status').words
  same(words({}, 0), '')
  same(words({ row({ status = 'completed' }) }, 0), '')
end

tests['a statusline tells progress, cost and what waits'] = function()
  local words = require('orchestrator.status').words
  same(words({ row({ stepsDone = 2 }) }, 0), '⟳ 2/4 $0.25')
  same(words({ row(), row({ stepsDone = 3 }) }, 2), '⟳ 2 runs 3/8 $0.50 ⏸ 2 approvals')
end

tests['an unknown price is not told as a sum'] = function()
  same(require('orchestrator.status').words({ row({ costUsd = vim.NIL }), row() }, 0), '⟳ 2 runs 0/8')
end

tests['text is shortened by cells and not cut within a character'] = function()
  local shorten = require('orchestrator.client').shorten
  same(shorten('kurz', 10), 'kurz')
  same(shorten('one\n two', 10), 'one two')
  same(shorten('äöüäöüäöü', 5), 'äöüä…')
  assert(vim.fn.strdisplaywidth(shorten('日本語日本語日本語', 8)) <= 8)
end

tests['the question of a line is found in approvals.md and in the plan'] = function()
  local at = require('orchestrator.approvals').at
  local both = { question(), question({ id = 'A2', line = 6, step = 's2', planLine = 9 }) }
  same(at(both, 'file:///w/approvals.md', 6).id, 'A2')
  same(at(both, 'file:///w/plan.md', 9).id, 'A2')
  same(at(both, 'file:///w/plan.md', 0), nil)
  same(at({ question() }, 'file:///w/plan.md', 0).id, 'A1')
  same(at(both, 'file:///elsewhere.md', 6), nil)
end

tests['a null of the server is nothing'] = function()
  same(require('orchestrator.approvals').question({ id = 'A1', step = vim.NIL }), { id = 'A1' })
end

tests['wrong options are named and do no harm'] = function()
  local config = require('orchestrator.config')
  same(#config.problems({ cmd = 'x', nonsense = 1, open_artifacts = 'above' }), 3)
  same(config.problems({ cmd = { 'x' }, open_artifacts = 'never' }), {})
  vim.g.ai_orchestrator = { cmd = 'x', open_artifacts = 'never' }
  local options = config.get()
  same(options.cmd, { 'ai-orchestrator', 'lsp' })
  same(options.settings.ui.openArtifacts, 'never')
end

tests['options may be a function'] = function()
  vim.g.ai_orchestrator = function()
    return { trusted = true }
  end
  same(require('orchestrator.config').get().trusted, true)
end

tests['words of the command are completed'] = function()
  local complete = require('orchestrator.commands').complete
  same(complete('re', 'Orchestrator re'), { 'reject', 'restart', 'resume', 'retry' })
  same(complete('su', 'Orchestrator open su'), { 'summary' })
  same(complete('', 'Orchestrator nonsense '), {})
end

tests['every word of the command is in the help'] = function()
  local help = table.concat(vim.fn.readfile(vim.api.nvim_get_runtime_file('doc/orchestrator.txt', false)[1]), '\n')
  for name in pairs(require('orchestrator.commands').words) do
    assert(help:find('\n' .. name .. '%f[%W]'), name .. ' is not in the help')
  end
end

tests['loading the plugin loads none of its modules'] = function()
  local out = vim.system({ vim.v.progpath, '--headless', '-u', 'NONE', '--cmd', 'set rtp^=' .. vim.fn.fnameescape(vim.o.runtimepath:match('^[^,]+')), '+runtime plugin/orchestrator.lua', '+lua io.write(table.concat(vim.tbl_filter(function(n) return vim.startswith(n, "orchestrator") and n ~= "orchestrator.config" and n ~= "orchestrator.handlers" end, vim.tbl_keys(package.loaded)), " "))', '+qa' }):wait()
  same(out.stdout, '')
end

tests['a document opens below, takes no focus and spares what is not saved'] = function()
  local show = require('orchestrator.show')
  vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'not saved' })
  local win, bufnr = vim.api.nvim_get_current_win(), vim.api.nvim_get_current_buf()
  local first, second = vim.fn.tempname() .. '.md', vim.fn.tempname() .. '.md'
  vim.fn.writefile({ 'one' }, first)
  vim.fn.writefile({ 'two' }, second)
  assert(show.open(first, {}))
  same(vim.api.nvim_get_current_win(), win)
  same(vim.api.nvim_win_get_buf(win), bufnr)
  same(#vim.api.nvim_tabpage_list_wins(0), 2)
  assert(show.open(second, { focus = true }))
  same(#vim.api.nvim_tabpage_list_wins(0), 2)
  same(vim.api.nvim_buf_get_lines(0, 0, -1, false), { 'two' })
  vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'changed' })
  assert(show.open(first, {}))
  same(#vim.api.nvim_tabpage_list_wins(0), 3)
  vim.cmd('silent! %bwipeout!')
end

return tests
