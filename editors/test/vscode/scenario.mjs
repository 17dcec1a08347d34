// A person's way through the extension: from a goal line to finished work, with a rejection, and with a window that is closed in between.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { start, until } from './workbench.mjs';

const shots = resolve(process.env.SHOTS);
const scratch = mkdtempSync(join(tmpdir(), 'editor-vscode-'));
const project = join(scratch, 'spring-report');
mkdirSync(project);
mkdirSync(join(scratch, 'home'));
writeFileSync(join(project, 'notes.md'), '# Notes on spring\n\nSales grew in March and April and fell in May.\nThe north grew most: 12 % more than last year.\n\ngoal: Write documentation for these notes\n');
writeFileSync(join(project, 'costs.goal.md'), '---\nagents: [researcher, writer]\n---\nSummarise what the notes say about costs\n');

const environment = { ...process.env, HOME: join(scratch, 'home'), XDG_STATE_HOME: join(scratch, 'home/state'), XDG_CONFIG_HOME: join(scratch, 'home/config') };
// The workbench takes its PATH from a login shell: the program is named by the setting.
const machineSettings = { 'aiOrchestrator.server.path': join(process.env.PROGRAMS, 'ai-orchestrator') };
for (const name of Object.keys(environment)) if (/_API_KEY$|^VSCODE_|^ORCHESTRATOR_/.test(name)) delete environment[name];

const begun = Date.now();
const step = (text) => console.log(`${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${text}`);
const workbench = await start({ home: process.env.HOME_OF_WORKBENCH, extension: resolve('editors/vscode'), folder: project, environment, machineSettings });
const shot = (name) => workbench.shot(join(shots, `vscode-${name}.png`));
const TITLE = 'AI Orchestrator';

async function goalLineToArtifacts() {
  await workbench.openFile('notes.md');
  await workbench.lens('Run goal');
  assert.deepEqual(await workbench.notifications(), [], 'nothing pops up');
  await workbench.waitStatus(/offline/);
  await workbench.view(TITLE);
  await shot('goal');
  step('a goal line has its lenses; nothing popped up; the status bar says offline');

  await workbench.clickLens('Run goal');
  await workbench.lens('Approve');
  await workbench.treeRow(/Waiting for you/);
  await until(async () => (await workbench.badge(TITLE)) === '1', 'the badge');
  await workbench.waitStatus(/1 approval/);
  await workbench.waitStatus(/waiting for your approval/);
  await shot('approval');
  step('the plan waits: lens, tree, badge 1, status bar');

  await workbench.clickLens('Approve');
  await workbench.lens('Open summary');
  await until(async () => (await workbench.groups()) === 2, 'an artifact beside');
  assert.equal(await workbench.activeTab(), 'notes.md', 'the cursor stays where it was');
  await until(async () => (await workbench.badge(TITLE)) === '', 'the badge to go');
  await workbench.treeRow(/Write documentation.*4\/4/);
  await shot('artifact');
  step('approved by lens: an artifact opened beside, the cursor stayed');
}

/** Every file of that name in the workspaces, newest run last. */
function written(name) {
  const folder = join(project, 'workspaces');
  const files = existsSync(folder) ? readdirSync(folder, { recursive: true }) : [];
  return files.filter((file) => file.endsWith(`/${name}`)).map((file) => readFileSync(join(folder, file), 'utf8')).sort();
}

async function rejectWithNote() {
  await workbench.command(`${TITLE}: Run Goal…`);
  await workbench.answer('Run a goal', 'Explain what the notes say about the north');
  await workbench.treeRow(/^Plan: Explain/);
  await workbench.clickTree(/^Plan: Explain/, 'Reject');
  await workbench.answer('Reject', 'Only one page, please');
  await until(() => written('approvals.md').some((text) => text.includes('Only one page, please')), 'the note in approvals.md');
  step('rejected from the tree with a note, which stands in approvals.md');
}

async function goalFileByPrompt() {
  await workbench.openFile('costs.goal.md');
  await workbench.page.locator('.editor-actions a[aria-label*="Run Goal File"]').first().click();
  await workbench.clickNotification(/Summarise what the notes say/, 'Approve');
  await workbench.treeRow(/Summarise what.*(\d)\/\1/);
  await until(async () => (await workbench.badge(TITLE)) === '', 'the badge to go');
  assert.equal(await workbench.activeTab(), 'costs.goal.md');
  step('a goal file was run by its button and approved by the prompt');
}

async function resumeAfterReload() {
  await workbench.command(`${TITLE}: Run Goal…`);
  await workbench.answer('Run a goal', 'List what is known about May');
  await workbench.treeRow(/^Plan: List what/);
  await workbench.open();
  await workbench.openFile('notes.md');
  await workbench.lens('Open summary');
  await workbench.view(TITLE);
  await workbench.treeRow(/^Plan: List what/);
  await until(async () => (await workbench.badge(TITLE)) === '1', 'the badge after the reload');
  await shot('reloaded');
  step(`after a reload: ${JSON.stringify(await workbench.tree())} ${JSON.stringify(await workbench.notifications())}`);
  await workbench.clickTree(/^Plan: List what/, 'Approve');
  await workbench.treeRow(/List what is known.*(\d)\/\1/);
  await workbench.waitStatus(/offline/);
  step('after a reload the question was still there; approved, the run went on to its end');
}

/** Every page of the walkthrough has its picture, and the first run of all works from there. */
async function walkthrough() {
  await workbench.command('View: Close All Editors');
  await workbench.command(`${TITLE}: Get Started`);
  await until(async () => (await workbench.page.locator('.getting-started-step').count()) === 4, 'the four steps');
  await workbench.page.locator('.getting-started-media iframe, .getting-started-media img').first().waitFor();
  await shot('walkthrough');
  await workbench.page.locator('.getting-started-step .monaco-button', { hasText: 'Run the Sample Goal' }).first().click();
  await workbench.treeRow(/^Plan: /);
  await shot('sample');
  await workbench.command(`${TITLE}: Approve…`);
  await workbench.choose(undefined, /^Plan: /);
  await until(async () => (await workbench.badge(TITLE)) === '', 'the badge to go');
  step('the sample goal was run from the walkthrough and approved from the palette');
}

try {
  await workbench.open();
  step('the workbench is open');
  await goalLineToArtifacts();
  await rejectWithNote();
  await goalFileByPrompt();
  await resumeAfterReload();
  await walkthrough();
  step('passed');
} catch (error) {
  await shot('failure').catch(() => {});
  console.error(error.stack);
  console.error(JSON.stringify({ tree: await workbench.tree(), status: await workbench.status(), toasts: await workbench.notifications(), lenses: await workbench.lenses() }, null, 1));
  process.exitCode = 1;
} finally {
  await workbench.close();
  if (!process.env.KEEP) rmSync(scratch, { recursive: true, force: true });
}
process.exit();
