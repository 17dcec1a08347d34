// The packed extension, installed from its file: restricted mode, providers and keys, and the commands beyond the journey.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { start, until } from './workbench.mjs';

const KEY = 'sk-test-0123456789-only-here';
const OLLAMA = 11434;
const TITLE = 'AI Orchestrator';
const shots = resolve(process.env.SHOTS);
const scratch = mkdtempSync(join(tmpdir(), 'editor-vscode-'));
const project = join(scratch, 'spring-report');
mkdirSync(join(project, '.git'), { recursive: true });
mkdirSync(join(scratch, 'home'));
writeFileSync(join(project, 'notes.md'), '# Notes on spring\n\nSales grew in March and April and fell in May.\n\nWrite documentation for these notes\n');

// An endpoint that hears what is asked and never answers a goal; beside it, what Ollama says of its models.
const heard = [];
const endpoint = createServer((request, response) => {
  heard.push({ url: request.url, key: request.headers.authorization ?? '' });
  if (request.url.endsWith('/models')) response.end(JSON.stringify({ data: [{ id: 'small' }] }));
}).listen(0, '127.0.0.1');
const address = () => `http://127.0.0.1:${endpoint.address().port}/v1`;
const models = { models: [{ name: 'small-model:1b' }] };
const ollama = createServer((request, response) => {
  if (request.url === '/api/tags') response.end(JSON.stringify(models));
  else if (request.url === '/v1/models') response.end(JSON.stringify({ data: [{ id: 'small-model:1b' }] }));
  else response.writeHead(404).end();
});
await new Promise((done) => endpoint.once('listening', done));
writeFileSync(join(project, 'orchestrator.json'), JSON.stringify({ model: { provider: 'openai', base_url: address(), name: 'small' }, budget: { per_run_usd: 0.5 } }, null, 2));

const environment = { ...process.env, HOME: join(scratch, 'home'), XDG_STATE_HOME: join(scratch, 'home/state'), XDG_CONFIG_HOME: join(scratch, 'home/config') };
for (const name of Object.keys(environment)) if (/_API_KEY$|^VSCODE_|^ORCHESTRATOR_/.test(name)) delete environment[name];

const begun = Date.now();
const step = (text) => console.log(`${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${text}`);
const workbench = await start({ home: process.env.HOME_OF_WORKBENCH, extension: resolve(process.env.VSIX), folder: project, environment, machineSettings: {}, asksTrust: true });
const shot = (name) => workbench.shot(join(shots, `vscode-${name}.png`));
const page = workbench.page;

/** The server of this workbench, as a process. */
function server() {
  const found = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return words[0].startsWith(workbench.scratch) && words[0].endsWith('/server/ai-orchestrator');
    } catch {
      return false;
    }
  });
  return found.length === 1 ? found[0] : undefined;
}
const variables = (pid) => {
  try {
    return pid === undefined ? [] : readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
};

/** The files below a folder that hold a text. */
function holding(folder, text) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map((entry) => join(entry.parentPath, entry.name)).filter((file) => statSync(file).size < 5e6 && readFileSync(file).includes(text));
}

async function dialog(button) {
  await page.locator('.monaco-dialog-box .monaco-button', { hasText: button }).first().click();
}

async function restricted() {
  await workbench.open();
  const asked = page.locator('.monaco-dialog-box .monaco-button', { hasText: /^No/ }).first();
  await asked.waitFor();
  await asked.click();
  await workbench.waitStatus(/Restricted/);
  await workbench.openFile('orchestrator.json');
  await workbench.waitStatus(/offline/);
  assert.deepEqual((await workbench.notifications()).filter((text) => /Orchestrator/.test(text)), [], 'nothing pops up');
  await workbench.view(TITLE);
  await shot('restricted');
  step('installed from the package, in restricted mode: the folder chooses no provider, nothing pops up');

  await workbench.command('Workspaces: Manage Workspace Trust');
  await page.locator('.workspace-trust-editor .monaco-button', { hasText: /^Trust$/ }).first().click();
  await workbench.waitStatus(/openai/);
  assert.equal(heard.filter(({ url }) => url.endsWith('/completions')).length, 0, 'nothing was asked of the endpoint');
  step('trusted: the provider of the folder is in force');
}

async function keys() {
  await workbench.command(`${TITLE}: Set API Key…`);
  await workbench.choose(undefined, /^OpenAI/);
  await workbench.answer('API key for', KEY);
  await until(() => variables(server()).includes(`OPENAI_API_KEY=${KEY}`), 'a server with the key in its environment');
  await workbench.waitStatus(/openai/);
  for (const folder of [workbench.scratch, project, join(scratch, 'home')]) assert.deepEqual(holding(folder, KEY), [], 'the key is in a file');
  step('a key was set: the server was started anew with it in its environment, and it is in no file');
}

async function runResumeStop() {
  await workbench.openFile('notes.md');
  // A key that is pressed before the editor takes them is lost.
  await until(async () => {
    for (const key of ['Control+End', 'ArrowUp', 'Home', 'Shift+End']) await page.keyboard.press(key);
    return (await workbench.status()).some((item) => /^Ln 5, .*selected/.test(item));
  }, 'the line of the goal to be selected');
  await workbench.command(`${TITLE}: Run Goal at Cursor or Selection`);
  await until(() => heard.some(({ url, key }) => url.endsWith('/completions') && key === `Bearer ${KEY}`), 'the selection to be planned by the endpoint, with the key');
  await workbench.treeRow(/Write documentation/);
  step('the selection runs, and the endpoint was asked with the key');

  await workbench.command(`${TITLE}: Restart Server`);
  await until(async () => (await workbench.status()).some((item) => /openai/.test(item)), 'the server to be back');
  await workbench.command(`${TITLE}: Resume Run…`);
  const asked = heard.length;
  await workbench.choose(undefined, /Write documentation/);
  await until(() => heard.length > asked, 'the run to ask again');
  await workbench.waitStatus(/1 run/);
  step('after a restart of the server the run was resumed from the palette');

  await workbench.command(`${TITLE}: Stop Run…`);
  await workbench.choose(undefined, /Write documentation/);
  await until(async () => !(await workbench.status()).some((item) => /1 run/.test(item)), 'the run to end');
  step('stopped from the palette');
}

async function provider() {
  await new Promise((done) => ollama.listen(OLLAMA, '127.0.0.1', done).once('error', done));
  await workbench.command(`${TITLE}: Choose Model Provider…`);
  await until(async () => (await workbench.rows()).some((row) => /Anthropic/.test(row)), 'the providers');
  const rows = await workbench.rows();
  await shot('provider');
  if (ollama.listening) {
    assert.match(rows.find((row) => /small-model|Anthropic/.test(row)) ?? '', /small-model:1b/, 'what is on this machine comes first');
    await workbench.choose(undefined, /small-model:1b/);
    const told = await until(async () => (await workbench.notifications()).find((text) => /AI Orchestrator: /.test(text)), 'what the set-up is now');
    await shot('provider-chosen');
    step(`a local model was found and chosen: ${told}`);
    await workbench.command('Notifications: Clear All Notifications');
    ollama.close();
    ollama.closeAllConnections();
    await workbench.command(`${TITLE}: Choose Model Provider…`);
  }
  await workbench.choose(undefined, /Stay offline/);
  await workbench.waitStatus(/offline/);
  await workbench.command('Notifications: Clear All Notifications');
  step('offline was chosen');

  await workbench.command(`${TITLE}: Clear API Keys`);
  await until(() => variables(server()).length > 1 && !variables(server()).some((line) => line.includes(KEY)), 'a server without the key');
  await workbench.command('Notifications: Clear All Notifications');
  step('the key was cleared: the server was started anew without it');
}

async function applyArtifact() {
  await workbench.command(`${TITLE}: Run Goal…`);
  await workbench.answer('Run a goal', 'Write documentation for notes.md');
  await workbench.treeRow(/^Plan: Write documentation for n/);
  await workbench.clickTree(/^Plan: Write documentation for n/, 'Approve');
  await workbench.treeRow(/Write documentation for n….*(\d)\/\1/);
  const take = async () => {
    await workbench.command(`${TITLE}: Take Artifact into the Project…`);
    await workbench.choose(undefined, /Write documentation for n….*(\d)\/\1/);
    await workbench.choose(undefined, /^documentation\.md/);
  };
  const own = join(project, 'documentation.md');
  // The edit stands in an editor, to be looked at and saved.
  const saved = async () => {
    await workbench.tab('documentation.md');
    await until(async () => {
      await page.keyboard.press('Control+S');
      return existsSync(own) && readFileSync(own, 'utf8').includes('No language model');
    }, 'the file in the project');
  };
  await take();
  await saved();
  step('an artifact was taken into the project');

  await workbench.command('View: Close All Editors');
  writeFileSync(own, '# Mine\n');
  await take();
  await page.locator('.monaco-diff-editor').first().waitFor();
  await until(async () => (await workbench.rows()).some((row) => /^Keep the project/.test(row)), 'the question');
  await shot('apply');
  await page.keyboard.press('Enter');
  await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  assert.equal(readFileSync(own, 'utf8'), '# Mine\n', 'Return replaces nothing');
  await take();
  await workbench.choose(undefined, /^Replace it/);
  await saved();
  step('where the project has the file, the difference is shown and a word is asked for first');
}

async function theRest() {
  await workbench.command(`${TITLE}: New Goal File`);
  await until(async () => /\.goal\.md/.test(await workbench.activeTab()), 'a new goal file');
  await workbench.command(`${TITLE}: Check the Set-up`);
  await until(async () => (await workbench.tabs()).some((name) => /doctor/.test(name)), 'the report');
  await shot('doctor');
  step('a new goal file and the report opened');

  const cleanUp = async (which) => {
    await workbench.command(`${TITLE}: Clean Up Old Runs…`);
    await workbench.choose(undefined, which);
  };
  await cleanUp(/^As old as/);
  await until(async () => (await workbench.notifications()).some((text) => /nothing old enough/.test(text)), 'that there is nothing to remove');
  await workbench.command('Notifications: Clear All Notifications');
  // By paths of a known depth: a folder may go while it is looked at.
  const inside = (folder) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []);
  const runs = () => inside(join(project, 'workspaces')).filter((week) => /week-\d+$/.test(week)).flatMap(inside).flatMap(inside);
  const folders = () => runs().filter((run) => existsSync(join(run, '.orchestrator', 'journal.jsonl'))).length;
  const before = folders();
  await cleanUp(/^All that/);
  await until(async () => (await page.locator('.quick-input-list .monaco-list-row', { hasText: 'Keep them' }).count()) > 0, 'the question');
  await shot('clean-up');
  await workbench.choose(undefined, /^Keep them/);
  assert.equal(folders(), before, 'a rehearsal removes nothing');
  await cleanUp(/^All that/);
  await workbench.choose(undefined, /^Remove/);
  await until(() => folders() < before, 'the runs to go');
  step('cleaning up shows first what would go, and removes after a word');
}

try {
  await restricted();
  await keys();
  await runResumeStop();
  await provider();
  await applyArtifact();
  await theRest();
  step('passed');
} catch (error) {
  await shot('failure-commands').catch(() => {});
  console.error(error.stack);
  console.error(JSON.stringify({ tree: await workbench.tree(), status: await workbench.status(), toasts: await workbench.notifications(), tabs: await workbench.tabs(), heard }, null, 1));
  process.exitCode = 1;
} finally {
  await workbench.close();
  if (!process.env.KEEP) rmSync(scratch, { recursive: true, force: true });
}
process.exit();
