// The one item in the status bar.
import { MarkdownString, StatusBarAlignment, ThemeColor, window, type Disposable, type StatusBarItem } from 'vscode';
import type { Model } from './model';
import type { Runs } from './runs';
import type { Health, Session } from './session';
import { count, joined, shorten } from './words';

export interface StatusLook {
  text: string;
  warns: boolean;
  command: string;
  lines: string[];
}

/** What the item says: what waits for the user, else what is at work, else who would do the work. Pure. */
export function statusLook(health: Health, problem: string, model: Model, provider: string): StatusLook {
  if (health === 'unavailable') return { text: '$(rocket) no server', warns: false, command: 'aiOrchestrator.getServer', lines: [problem] };
  const pending = model.pending.length;
  const { live } = model;
  const lines = live.map((run) => `${shorten(run.goal, 60)} — ${joined(run.status.replace('_', ' '), `${run.stepsDone}/${run.steps}`)}`);
  if (pending > 0) return { text: `$(bell-dot) ${count(pending, 'approval')}`, warns: true, command: 'aiOrchestrator.nextApproval', lines };
  const [first] = live;
  if (first) {
    const steps = live.length === 1 && first.steps > 0 ? `${first.stepsDone}/${first.steps}` : '';
    return { text: `$(sync~spin) ${joined(count(live.length, 'run'), steps)}`, warns: false, command: 'aiOrchestrator.workspaces', lines };
  }
  const text = `$(rocket) ${health === 'starting' ? '…' : provider}`.trimEnd();
  return { text, warns: false, command: 'aiOrchestrator.workspaces', lines: ['Nothing is running.'] };
}

export class StatusItem implements Disposable {
  private readonly item: StatusBarItem;
  private readonly subscriptions: Disposable[];

  constructor(
    private readonly session: Session,
    private readonly runs: Runs,
  ) {
    this.item = window.createStatusBarItem('aiOrchestrator', StatusBarAlignment.Left, 0);
    this.item.name = 'AI Orchestrator';
    this.subscriptions = [runs.onChange(() => this.draw()), session.onHealth(() => this.draw()), this.item];
    this.draw();
    this.item.show();
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private draw(): void {
    const look = statusLook(this.session.health, this.session.problem, this.runs.model, this.runs.provider);
    this.item.text = look.text;
    this.item.command = look.command;
    this.item.backgroundColor = look.warns ? new ThemeColor('statusBarItem.warningBackground') : undefined;
    this.item.tooltip = tooltip(look.lines, this.runs.provider);
  }
}

function tooltip(lines: string[], provider: string): MarkdownString {
  const text = new MarkdownString('**AI Orchestrator**\n\n', true);
  for (const line of lines) text.appendText(line).appendMarkdown('\n\n');
  if (provider) text.appendMarkdown('Provider: ').appendText(provider).appendMarkdown('\n\n');
  text.appendMarkdown('[Runs](command:aiOrchestrator.workspaces) · [Check](command:aiOrchestrator.doctor) · [Log](command:aiOrchestrator.showLog)');
  text.isTrusted = { enabledCommands: ['aiOrchestrator.workspaces', 'aiOrchestrator.doctor', 'aiOrchestrator.showLog'] };
  return text;
}
