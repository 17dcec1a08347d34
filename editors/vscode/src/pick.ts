// Lists to choose from. A command that came from the tree brings its node; one from the palette asks.
import { ThemeIcon, window } from 'vscode';
import type { Model, Node } from './model';
import type { Approval, RunRow } from './protocol';
import { joined, shorten } from './words';

export type Pending = { runId: string; approval: Approval };

/** The run of the node, else the only candidate, else the one that is picked. */
export async function pickRun(model: Model, node: unknown, title: string, runs: readonly RunRow[]): Promise<RunRow | undefined> {
  const given = asNode(node);
  if (given?.kind === 'run') return given.run;
  if (runs.length === 0) {
    void window.showInformationMessage('There is no such run.');
    return undefined;
  }
  const items = runs.map((run) => {
    const look = model.look({ kind: 'run', run }, Date.now());
    return { label: look.label, description: look.description, iconPath: new ThemeIcon(look.icon ?? 'rocket'), run };
  });
  return (await window.showQuickPick(items, { title, matchOnDescription: true }))?.run;
}

/** The question of the node, else the one that is picked: one that was not looked at is never decided by a single key. */
export async function pickApproval(model: Model, node: unknown, title: string): Promise<Pending | undefined> {
  const given = asNode(node);
  if (given?.kind === 'approval') return given;
  const items = model.pending.map((one) => ({
    label: shorten(model.question(one), 100),
    description: joined(one.approval.step, one.runId),
    one,
  }));
  return (await window.showQuickPick(items, { title }))?.one;
}

export function asNode(value: unknown): Node | undefined {
  return typeof value === 'object' && value !== null && 'kind' in value ? (value as Node) : undefined;
}
