// A person's way through the extension: from a goal line to finished work, with a rejection, and with a window that is closed in between.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { start, until } from './workbench.mjs';

const shots = resolve(process.env.SHOTS);
const scratch = mkdtempSync(join(tmpdir(), 'editor-vscode-'));
const folder = join(scratch, 'spring-report');
mkdirSync(folder);
mkdirSync(join(scratch, 'home'));
writeFileSync(join(folder, 'notes.md'), '# Notes on spring\n\nSales grew in March and April and fell in May.\nThe north grew most: 12 % more than last year.\n\ngoal: Write documentation for these notes\n');
writeFileSync(join(folder, 'costs.goal.md'), '---\nagents: [researcher, writer]\n---\nSummarise what the notes say about costs\n');

const environment = { ...process.env, HOME: join(scratch, 'home'), XDG_STATE_HOME: join(scratch, 'home/state'), XDG_CONFIG_HOME: join(scratch, 'home/config') };
// The workbench takes its PATH from a login shell: the program is named by the setting.
const machineSettings = { 'aiOrchestrator.server.path': join(process.env.PROGRAMS, 'ai-orchestrator') };
for (const name of Object.keys(environment)) if (/_API_KEY$|^VSCODE_|^ORCHESTRATOR_/.test(name)) delete environment[name];

const begun = Date.now();
const step = (text) => console.log(`${((Date.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${text}`);
const workbench = await start({ home: process.env.HOME_OF_WORKBENCH, extension: resolve('editors/vscode'), folder, environment, machineSettings });
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
  await workbench.waitStatus(/waiting for approval/);
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

async function rejectWithNote() {
  await workbench.command(`${TITLE}: Run Goal…`);
  await workbench.answer('Run a goal', 'Explain what the notes say about the north');
  await workbench.treeRow(/Plan: Explain/);
  await workbench.clickTree(/^Plan: Explain/, 'Reject');
  await workbench.answer('Reject', 'Only one page, please');
  await workbench.treeRow(/Explain what the notes.*/);
  step(`rejected from the tree with a note: ${JSON.stringify(await workbench.tree())}`);
}

async function resumeAfterReload() {
  await workbench.open();
  await workbench.openFile('notes.md');
  await workbench.view(TITLE);
  step(`after a reload: ${JSON.stringify(await workbench.tree())} ${JSON.stringify(await workbench.status())}`);
}

try {
  await workbench.open();
  step('the workbench is open');
  await goalLineToArtifacts();
  await rejectWithNote();
  await resumeAfterReload();
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
