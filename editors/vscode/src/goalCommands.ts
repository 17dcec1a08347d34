// Commands that start work: from a text, from the place of the cursor, from a file.
import { Uri, window, workspace, type TextEditor } from 'vscode';
import type { Register } from './commands';
import type { Session } from './session';

export function goalCommands(register: Register, session: Session): void {
  register('runGoal', async (goal?: unknown) => {
    const text = typeof goal === 'string' ? goal : await askGoal('Run a goal');
    if (text) await session.request('orchestrator.runGoal', { goal: text });
  });
  register('runHere', () => here(session, 'orchestrator.runGoal'));
  register('planGoal', () => here(session, 'orchestrator.planGoal'));
  register('runGoalFile', async (uri?: unknown) => {
    const file = uri instanceof Uri ? uri : window.activeTextEditor?.document.uri;
    if (!file) return;
    // The server knows documents that are open.
    await workspace.openTextDocument(file);
    await session.request('orchestrator.runGoal', { uri: file.toString(), range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } } });
  });
  register('runWithFile', async (uri?: unknown) => {
    const file = uri instanceof Uri ? uri : window.activeTextEditor?.document.uri;
    const goal = file && (await askGoal(`Run a goal with ${workspace.asRelativePath(file)}`));
    if (goal) await session.request('orchestrator.runGoal', { goal, attach: [file.fsPath] });
  });
  register('newGoal', () => session.request('orchestrator.newGoal', {}));
  register('runSample', () => session.request('orchestrator.runSample', {}));
}

function askGoal(title: string): Thenable<string | undefined> {
  return window.showInputBox({
    title,
    prompt: 'What do you want, in plain words?',
    placeHolder: 'Analyse sales.csv and write a report with charts',
    ignoreFocusOut: true,
    validateInput: (text) => (text.trim().length === 0 ? 'A goal has words' : undefined),
  });
}


/** The selection as a goal, else the goal at the cursor; where there is no editor, the user is asked. */
async function here(session: Session, command: string): Promise<void> {
  const editor = window.activeTextEditor;
  if (editor) {
    await session.request(command, { uri: editor.document.uri.toString(), range: rangeOf(editor) });
    return;
  }
  const goal = await askGoal(command.endsWith('planGoal') ? 'Plan a goal' : 'Run a goal');
  if (goal) await session.request(command, { goal });
}

function rangeOf({ selection }: TextEditor): object {
  const position = ({ line, character }: { line: number; character: number }) => ({ line, character });
  return { start: position(selection.start), end: position(selection.end) };
}
