-- Runs spec files: `nvim -u minimal.lua -l run.lua FILE...`. A spec file returns a table of tests by their sentences.
local failures, count = {}, 0
for _, file in ipairs(_G.arg) do
  for name, test in vim.spairs(dofile(file)) do
    count = count + 1
    local worked, problem = xpcall(test, debug.traceback)
    if not worked then
      table.insert(failures, ('%s: %s\n%s'):format(vim.fs.basename(file), name, problem))
    end
  end
end
io.stdout:write(('%d tests, %d failed\n'):format(count, #failures) .. table.concat(failures, '\n') .. '\n')
if #failures > 0 or count == 0 then
  os.exit(1)
end
