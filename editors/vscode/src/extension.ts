// Joins the parts for one window. Shows nothing by itself.
import { window, workspace, type ExtensionContext } from 'vscode';
import { registerCommands } from './commands';
import { Decorations } from './decorations';
import { Runs } from './runs';
import { isOurs } from './secrets';
import { Session } from './session';
import { StatusItem } from './status';
import { RunTree } from './tree';

let session: Session | undefined;

export function activate(context: ExtensionContext): void {
  const log = window.createOutputChannel('AI Orchestrator', { log: true });
  const here = (session = new Session(context, log));
  const runs = new Runs(here);
  context.subscriptions.push(
    log,
    here,
    runs,
    new RunTree(runs),
    new StatusItem(here, runs),
    new Decorations(runs),
    ...registerCommands(here, runs),
    context.secrets.onDidChange((event) => void (isOurs(event.key) && here.restart())),
    workspace.onDidGrantWorkspaceTrust(() => void here.restart()),
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('aiOrchestrator.server')) void here.restart();
      else if (event.affectsConfiguration('aiOrchestrator')) here.sendSettings();
    }),
  );
  void here.restart();
}

export function deactivate(): Promise<void> | undefined {
  return session?.stop();
}
