// Registers every command of the palette. A command that fails says why, in one message.
import { commands, window, type Disposable } from 'vscode';
import { goalCommands } from './goalCommands';
import { chooseProvider } from './provider';
import { runCommands } from './runCommands';
import type { Runs } from './runs';
import { askKey, clearKeys } from './secrets';
import type { Session } from './session';
import { count } from './words';

export type Register = (name: string, run: (argument?: unknown) => unknown) => void;

export function registerCommands(session: Session, runs: Runs): Disposable[] {
  const registered: Disposable[] = [];
  const register: Register = (name, run) => {
    const guarded = async (argument?: unknown) => {
      try {
        await run(argument);
      } catch (error) {
        if (session.health === 'unavailable') await session.explain();
        else void window.showErrorMessage(`AI Orchestrator: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    registered.push(commands.registerCommand(`aiOrchestrator.${name}`, guarded));
  };
  goalCommands(register, session);
  runCommands(register, session, runs);
  setupCommands(register, session);
  return registered;
}

function setupCommands(register: Register, session: Session): void {
  register('chooseProvider', () => chooseProvider(session));
  register('setApiKey', () => askKey(session.context));
  register('clearApiKey', async () => {
    await clearKeys(session.context);
    void window.showInformationMessage('AI Orchestrator: no key is kept any more.');
  });
  register('doctor', () => session.request('orchestrator.doctor', { open: true }));
  register('cleanUp', () => cleanUp(session));
  register('restartServer', async () => {
    await session.restart();
    if (session.health === 'unavailable') await session.explain();
  });
  register('getServer', () => session.explain());
  register('showLog', () => session.showLog());
  register('getStarted', () => commands.executeCommand('workbench.action.openWalkthrough', `${session.context.extension.id}#start`));
}

/** A rehearsal first: what would go is shown, and nothing goes without a word. */
async function cleanUp(session: Session): Promise<void> {
  const ages: { label: string; description?: string; days?: number }[] = [
    { label: 'As old as the setting says', description: 'workspace.maxWorkspaceAgeDays' },
    { label: 'Older than a week', days: 7 },
    { label: 'All that have ended', days: 0 },
  ];
  const age = await window.showQuickPick(ages, { title: 'Which ended runs should go?' });
  if (!age) return;
  const old = (await session.request<string[]>('orchestrator.cleanup', { days: age.days, dryRun: true })) ?? [];
  if (old.length === 0) {
    void window.showInformationMessage('AI Orchestrator: there is nothing old enough to be removed.');
    return;
  }
  const detail = old.slice(0, 3).map((path) => path.split('/').pop()).join(', ') + (old.length > 3 ? ` and ${old.length - 3} more` : '');
  const remove = { label: `Remove ${count(old.length, 'old run')} with all files`, detail };
  const answer = await window.showQuickPick([{ label: 'Keep them' }, remove], { title: 'Should they go?', ignoreFocusOut: true });
  if (answer === remove) await session.request('orchestrator.cleanup', { days: age.days, dryRun: false });
}
