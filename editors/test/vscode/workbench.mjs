// A real VS Code workbench on a folder, driven through the page as a person would. Everything waits for what it needs until a deadline.
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PATIENCE = 30_000;
const pause = () => new Promise((done) => setTimeout(done, 60));
// Icons are letters of a private area, and titles have hard spaces.
const plain = (text) => (text ?? '').replace(/[\u200b-\u200f\ue000-\uf8ff]/g, '').replace(/\s+/g, ' ').trim();

const SETTINGS = {
  'chat.commandCenter.enabled': false,
  'editor.minimap.enabled': false,
  'extensions.autoCheckUpdates': false,
  'extensions.ignoreRecommendations': true,
  'files.autoSave': 'off',
  'git.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'window.restoreWindows': 'none',
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.enableExperiments': false,
  'workbench.reduceMotion': 'on',
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.layoutControl.enabled': false,
};

/** Polls until it gets something truthy; says after the deadline what it waited for. */
export async function until(look, what, patience = PATIENCE) {
  const deadline = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await pause();
  }
}

function freePort() {
  return new Promise((done, failed) => {
    const server = createServer().on('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** Starts the workbench with an extension installed: an unpacked folder, or a package (`.vsix`) as the user gets it. */
export async function start({ home, extension, folder, environment, machineSettings, asksTrust = false }) {
  const scratch = mkdtempSync(join(tmpdir(), 'workbench-'));
  const place = (name) => join(scratch, name);
  for (const name of ['data/User', 'data/Machine', 'extensions']) mkdirSync(place(name), { recursive: true });
  writeFileSync(place('data/User/settings.json'), JSON.stringify(SETTINGS));
  writeFileSync(place('data/Machine/settings.json'), JSON.stringify(machineSettings));
  writeFileSync(place('config.yaml'), 'auth: none\n');
  const entry = join(home, 'workbench/node_modules/code-server/out/node/entry.js');
  if (extension.endsWith('.vsix')) {
    const folders = ['--config', place('config.yaml'), '--user-data-dir', place('data'), '--extensions-dir', place('extensions')];
    execFileSync(process.execPath, [entry, ...folders, '--install-extension', extension], { env: environment, stdio: 'ignore' });
  } else {
    install(extension, place('extensions'));
  }
  const port = await freePort();
  const log = openSync(place('server.log'), 'a');
  const words = ['--config', place('config.yaml'), '--user-data-dir', place('data'), '--extensions-dir', place('extensions')];
  const more = ['--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-telemetry', '--disable-update-check'];
  if (!asksTrust) more.push('--disable-workspace-trust');
  // No marketplace is asked, and the whole group can be ended at once.
  const noGallery = JSON.stringify({ serviceUrl: '', itemUrl: '', resourceUrlTemplate: '', controlUrl: '', recommendationsUrl: '' });
  const server = spawn(process.execPath, [entry, ...words, ...more], {
    detached: true, stdio: ['ignore', log, log], env: { ...environment, EXTENSIONS_GALLERY: noGallery },
  });
  const end = () => {
    try {
      process.kill(-server.pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', end);
  await until(() => fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.ok, () => false), 'the workbench to serve');
  const { chromium } = createRequire(join(home, 'driver/package.json'))('playwright-core');
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // Only this machine is ever looked up.
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, permissions: ['clipboard-read', 'clipboard-write'] });
  page.setDefaultTimeout(PATIENCE);
  page.on('dialog', (dialog) => dialog.accept().catch(() => {}));
  const workbench = new Workbench(page, `http://127.0.0.1:${port}/?folder=${encodeURIComponent(folder)}`, place('data'));
  workbench.scratch = scratch;
  workbench.close = async () => {
    await browser.close().catch(() => {});
    end();
  };
  return workbench;
}

/** A folder as an installed extension: linked, and named in the list of extensions. */
function install(extension, extensions) {
  const { publisher, name, version } = JSON.parse(readFileSync(join(extension, 'package.json'), 'utf8'));
  const folder = `${publisher}.${name}-${version}`;
  symlinkSync(resolve(extension), join(extensions, folder));
  const location = { $mid: 1, path: join(extensions, folder), scheme: 'file' };
  const entry = { identifier: { id: `${publisher}.${name}` }, version, location, relativeLocation: folder, metadata: {} };
  writeFileSync(join(extensions, 'extensions.json'), JSON.stringify([entry]));
}

export class Workbench {
  constructor(page, address, data) {
    Object.assign(this, { page, address, data });
  }

  /** Opens the window, or reloads it. */
  async open() {
    await this.page.goto(this.address);
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor();
    await this.page.locator('.explorer-folders-view .monaco-list-row').first().waitFor({ state: 'attached' }).catch(() => {});
  }

  async shot(file) {
    // Nothing that blinks or hovers.
    await this.page.mouse.move(640, 600);
    await until(async () => (await this.page.locator('.monaco-hover:visible, .workbench-hover:visible').count()) === 0, 'hovers to go');
    const scratch = `${file}.part.png`;
    await this.page.screenshot({ path: scratch, animations: 'disabled' });
    copyFileSync(scratch, file);
    rmSync(scratch);
  }

  // -- quick input --

  async rows() {
    return (await this.page.locator('.quick-input-widget .monaco-list-row').evaluateAll((rows) => rows.map((row) => row.getAttribute('aria-label')))).map(plain);
  }

  /** Writes into the quick input and takes the row that matches. The list is filtered a moment after the text is there. */
  async choose(text, row, patience = PATIENCE) {
    const input = this.page.locator('.quick-input-widget input.input');
    await input.waitFor();
    if (text !== undefined) await input.fill(text);
    const at = await until(async () => {
      const [before, after] = [await this.rows(), (await pause(), await this.rows())];
      const index = after.findIndex((label) => row.test(label));
      return String(before) === String(after) && index >= 0 && { index };
    }, `a row ${row}; there are ${JSON.stringify(await this.rows())}`, patience);
    await this.page.locator('.quick-input-widget .monaco-list-row').nth(at.index).click();
  }

  /** The palette lists what can be done when it opens: it is opened anew until the command is there. */
  async command(title) {
    const row = new RegExp(`^${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`);
    await until(async () => {
      await this.page.keyboard.press('F1');
      return this.choose(`>${title}`, row, 4000).then(() => true, async () => {
        await this.page.keyboard.press('Escape');
        return false;
      });
    }, `the command ${title}`);
  }

  async openFile(name) {
    await this.page.keyboard.press('Control+P');
    await this.choose(name, new RegExp(`^${name.replaceAll('.', '\\.')}`));
    await this.tab(name);
  }

  /** Answers an input box. */
  async answer(title, text) {
    await until(async () => plain(await this.page.locator('.quick-input-title').textContent()).includes(title), `the input box ${title}`);
    const input = this.page.locator('.quick-input-widget input.input');
    await input.fill(text);
    await input.press('Enter');
  }

  // -- editors --

  async groups() {
    return this.page.locator('.editor-group-container').count();
  }

  async activeTab() {
    return plain(await this.page.locator('.editor-group-container.active .tab.active').first().getAttribute('data-resource-name').catch(() => ''));
  }

  async tabs() {
    return this.page.locator('.tabs-container .tab').evaluateAll((tabs) => tabs.map((tab) => tab.getAttribute('data-resource-name')));
  }

  async tab(name) {
    await until(async () => (await this.activeTab()) === name, `the editor of ${name}`);
  }

  async text() {
    return plain((await this.page.locator('.editor-group-container .view-lines').allTextContents()).join(' '));
  }

  async lenses() {
    return (await this.page.locator('.codelens-decoration a').allTextContents()).map(plain);
  }

  async lens(title) {
    const link = this.page.locator('.codelens-decoration a', { hasText: title }).first();
    await link.waitFor().catch(async () => {
      throw new Error(`no lens ${title}; there are ${JSON.stringify(await this.lenses())}`);
    });
    return link;
  }

  /** Clicks a lens. They are drawn anew while runs go on, so that a click can miss: it is repeated until the lens is gone. */
  async clickLens(title) {
    await this.lens(title);
    await until(async () => {
      const link = this.page.locator('.codelens-decoration a', { hasText: title }).first();
      return link.click({ timeout: 2000 }).then(() => true, () => false);
    }, `the lens ${title} to be clicked`);
  }

  // -- side bar and status bar --

  async view(title) {
    await this.page.locator(`.activitybar .action-item a[aria-label^="${title}"]`).first().click({ force: true }); // the badge lies above it
  }

  async badge(title) {
    const item = this.page.locator('.activitybar .action-item', { has: this.page.locator(`a[aria-label^="${title}"]`) });
    return plain(await item.locator('.badge-content').first().textContent({ timeout: 500 }).catch(() => ''));
  }

  async tree() {
    const rows = await this.page.locator('.sidebar .monaco-list-row').evaluateAll((rows) =>
      rows.map((row) => ({ top: parseFloat(row.style.top), text: row.textContent })).sort((a, b) => a.top - b.top).map((row) => row.text));
    return rows.map(plain);
  }

  async treeRow(pattern) {
    await until(async () => (await this.tree()).some((row) => pattern.test(row)), `a row ${pattern}`).catch(async (error) => {
      throw new Error(`${error.message}; there are ${JSON.stringify(await this.tree())}`);
    });
    return this.page.locator('.sidebar .monaco-list-row').filter({ hasText: pattern }).first();
  }

  async clickTree(pattern, action) {
    await until(async () => {
      const row = await this.treeRow(pattern);
      await row.hover({ timeout: 2000 }).catch(() => {});
      return row.locator(`.actions a[aria-label^="${action}"]`).first().click({ timeout: 2000 }).then(() => true, () => false);
    }, `the button ${action} of ${pattern}`);
  }

  async status() {
    return (await this.page.locator('.statusbar .statusbar-item').evaluateAll((items) => items.map((item) => item.getAttribute('aria-label') || item.textContent))).map(plain);
  }

  async waitStatus(pattern) {
    return until(async () => (await this.status()).find((item) => pattern.test(item)), `the status ${pattern}`).catch(async (error) => {
      throw new Error(`${error.message}; there are ${JSON.stringify(await this.status())}`);
    });
  }

  async notifications() {
    return (await this.page.locator('.notifications-toasts .notification-list-item').allTextContents()).map(plain);
  }

  /** Clicks a button of a notification. On a slow machine a click can be done and be told as failed: then the notification is gone. */
  async clickNotification(pattern, button) {
    let seen = false;
    await until(async () => {
      const item = this.page.locator('.notifications-toasts .notification-list-item').filter({ hasText: pattern }).first();
      const isThere = (await item.count()) > 0;
      if (!isThere) return seen;
      seen = true;
      return item.locator('.monaco-button', { hasText: button }).first().click({ timeout: 3000 }).then(() => true, () => false);
    }, `the notification ${pattern} with ${button}`);
  }
}
