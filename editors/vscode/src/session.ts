// The one server of this window: starts it, restarts it, asks it. Draws nothing but the messages that say why there is no server.
import { spawn, type ChildProcess } from 'node:child_process';
import {
  EventEmitter, Uri, commands, env, window, workspace, type Disposable, type ExtensionContext, type LogOutputChannel,
} from 'vscode';
import { ExecuteCommandRequest, LanguageClient, State, type ClientCapabilities, type StaticFeature } from 'vscode-languageclient/node';
import { askVersion, findBinary, fits } from './binary';
import { middleware } from './middleware';
import type { RunChange, ServerStatus } from './protocol';
import { keyVariables } from './secrets';
import { explicitSettings, serverKeys } from './settings';

export type Health = 'starting' | 'running' | 'unavailable';

const HOW_TO_GET_IT = 'Put the program "ai-orchestrator" on the PATH (cargo install --path . in its sources), or name it in the setting aiOrchestrator.server.path.';

/** Announces that the notifications `orchestrator/…` are understood, and that this extension asks before an artifact is taken: the editor's own
 * preview would want every line ticked first. */
const orchestratorFeature: StaticFeature = {
  fillClientCapabilities(capabilities: ClientCapabilities) {
    delete capabilities.workspace?.workspaceEdit?.changeAnnotationSupport;
    capabilities.experimental = { ...(capabilities.experimental as object | undefined), orchestrator: true };
  },
  initialize() {},
  getState: () => ({ kind: 'static' }),
  clear() {},
};

export class Session implements Disposable {
  health: Health = 'starting';
  /** Why there is no server, in one sentence. */
  problem = '';
  readonly keys: string[];
  private client: LanguageClient | undefined;
  private starting: Promise<void> = Promise.resolve();
  private readonly healthChanged = new EventEmitter<Health>();
  private readonly runsChanged = new EventEmitter<RunChange[]>();
  private readonly statusChanged = new EventEmitter<ServerStatus>();
  readonly onHealth = this.healthChanged.event;
  readonly onRuns = this.runsChanged.event;
  readonly onStatus = this.statusChanged.event;

  constructor(
    readonly context: ExtensionContext,
    readonly log: LogOutputChannel,
  ) {
    this.keys = serverKeys(context);
  }

  /** Starts the server, or ends it and starts it anew. Never rejects: what went wrong is in `problem`. */
  restart(): Promise<void> {
    this.starting = this.starting.then(async () => {
      await this.stop();
      try {
        await this.start();
      } catch (error) {
        this.fail(error instanceof Error ? error.message : String(error));
      }
    });
    return this.starting;
  }

  /** Asks the server. Rejects with a sentence for the user. */
  async request<T>(command: string, argument?: object): Promise<T | null> {
    await this.starting;
    if (!this.client) throw new Error(this.problem || 'the server is not running');
    const params = { command, arguments: argument ? [argument] : [] };
    return (await this.client.sendRequest(ExecuteCommandRequest.type, params)) as T | null;
  }

  showLog(): void {
    this.log.show(true);
  }

  /** Says why there is no server, and how to get it. Only after the user asked for something. */
  async explain(): Promise<void> {
    const choice = await window.showErrorMessage(`${this.problem} ${HOW_TO_GET_IT}`, 'Open Setting', 'Show Log', 'Copy Install Command');
    if (choice === 'Open Setting') await commands.executeCommand('workbench.action.openSettings', 'aiOrchestrator.server.path');
    if (choice === 'Show Log') this.showLog();
    if (choice === 'Copy Install Command') await env.clipboard.writeText('cargo install --path .');
  }

  dispose(): void {
    this.healthChanged.dispose();
    this.runsChanged.dispose();
    this.statusChanged.dispose();
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    await client?.dispose(3000).catch((error: unknown) => this.log.warn(`stopping: ${String(error)}`));
  }

  private async start(): Promise<void> {
    this.become('starting');
    const path = await this.locate();
    if (!path) return;
    const client = new LanguageClient('aiOrchestrator', 'AI Orchestrator', () => this.spawn(path), {
      documentSelector: [{ scheme: 'file' }, { scheme: 'untitled' }],
      initializationOptions: () => ({ trusted: workspace.isTrusted, settings: explicitSettings(this.keys) }),
      outputChannel: this.log,
      middleware: middleware(this.keys),
    });
    client.registerFeature(orchestratorFeature);
    client.onNotification('orchestrator/runsChanged', (params: { runs: RunChange[] }) => this.runsChanged.fire(params.runs));
    client.onNotification('orchestrator/status', (params: ServerStatus) => this.statusChanged.fire(params));
    client.onDidChangeState(({ newState }) => this.follow(client, newState));
    this.client = client;
    await client.start();
    this.become('running');
  }

  /** A server that crashed is started again by the client; one that keeps crashing is given up. */
  private follow(client: LanguageClient, state: State): void {
    if (client !== this.client) return;
    if (state === State.Running) this.become('running');
    if (state === State.Stopped) this.become('starting');
  }

  private async locate(): Promise<string | undefined> {
    const setting = workspace.getConfiguration('aiOrchestrator').get<string>('server.path', '');
    const extension = this.context.extensionPath;
    const found = findBinary({ setting, extension, path: process.env.PATH ?? '', platform: process.platform });
    if (!found) {
      this.fail(setting ? `There is no program ${setting}.` : 'The program "ai-orchestrator" was not found.');
      return undefined;
    }
    const wanted = String(this.context.extension.packageJSON.version);
    const version = await askVersion(found.path).catch((error: Error) => {
      throw new Error(`${found.path} could not be started: ${error.message}.`);
    });
    this.log.info(`${found.path} (${found.from}) is version ${version}, the extension ${wanted}`);
    if (fits(version, wanted)) return found.path;
    this.fail(`${found.path} is version ${version}; this extension needs ${wanted.split('.').slice(0, 2).join('.')}.`);
    return undefined;
  }

  private async spawn(path: string): Promise<ChildProcess> {
    const cwd = workspace.workspaceFolders?.[0]?.uri.fsPath;
    // The keys go into the environment of this one process and nowhere else.
    const variables = { ...process.env, ...(await keyVariables(this.context)) };
    return spawn(path, ['lsp'], { cwd, env: variables, windowsHide: true });
  }

  private fail(problem: string): void {
    this.problem = problem;
    this.log.error(problem);
    this.client = undefined;
    this.become('unavailable');
  }

  private become(health: Health): void {
    this.health = health;
    void commands.executeCommand('setContext', 'aiOrchestrator.ready', health === 'running');
    void commands.executeCommand('setContext', 'aiOrchestrator.unavailable', health === 'unavailable');
    this.healthChanged.fire(health);
  }

  /** Tells the server what is set now. */
  sendSettings(): void {
    const scope = workspace.workspaceFolders?.[0]?.uri ?? (undefined as Uri | undefined);
    const settings = { aiOrchestrator: explicitSettings(this.keys, scope) };
    void this.client?.sendNotification('workspace/didChangeConfiguration', { settings });
  }
}
