// Keeps the model in step with the server: listens, asks again where something changed, tells who draws.
import { EventEmitter, commands, type Disposable } from 'vscode';
import { Model } from './model';
import { isLive, type Report, type RunChange, type RunRow, type RunState } from './protocol';
import type { Session } from './session';

const LISTED = 20;

export class Runs implements Disposable {
  readonly model = new Model();
  /** The name of the provider in force; empty while it is not known. */
  provider = '';
  private readonly changed = new EventEmitter<void>();
  readonly onChange = this.changed.event;
  private waited = false;
  private work: Promise<void> = Promise.resolve();
  private readonly subscriptions: Disposable[];

  constructor(private readonly session: Session) {
    this.subscriptions = [
      session.onRuns((changes) => this.enqueue(() => this.take(changes))),
      session.onStatus((status) => this.takeProvider(status.provider)),
      session.onHealth((health) => health === 'running' && this.refresh()),
    ];
  }

  /** Asks for everything anew. */
  refresh(): void {
    this.enqueue(async () => {
      await this.list();
      await this.askProvider();
    });
  }

  /** The state of a run, asked for when it is not known yet. */
  async stateOf(runId: string): Promise<RunState | undefined> {
    if (!this.model.state(runId)) await this.fetch(runId);
    return this.model.state(runId);
  }

  dispose(): void {
    this.changed.dispose();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  /** One thing after the other: news that overtake each other would make runs go back. */
  private enqueue(work: () => Promise<void>): void {
    this.work = this.work.then(work).catch((error: unknown) => this.session.log.warn(`runs: ${String(error)}`)).then(() => this.tell());
  }

  private async take(changes: RunChange[]): Promise<void> {
    const { isNew, stale } = this.model.merge(changes);
    if (isNew) await this.list();
    else for (const runId of stale) await this.fetch(runId);
  }

  private async list(): Promise<void> {
    const rows = await this.session.request<RunRow[]>('orchestrator.listWorkspaces', { limit: LISTED });
    this.model.setRows(rows ?? []);
    // Runs that wait are looked at closely: their questions are shown without being asked for.
    for (const row of this.model.runs) if (isLive(row.status) || row.status === 'parked' || this.model.state(row.runId)) await this.fetch(row.runId);
  }

  private async fetch(runId: string): Promise<void> {
    try {
      const state = await this.session.request<RunState>('orchestrator.runState', { runId });
      if (state) this.model.setState(state);
    } catch (error) {
      this.session.log.warn(`state of ${runId}: ${String(error)}`);
    }
  }

  private async askProvider(): Promise<void> {
    const report = await this.session.request<Report>('orchestrator.doctor', {});
    const check = report?.checks.find((check) => check.name === 'provider');
    if (check) this.takeProvider(check.status === 'ok' ? (check.message.split(/[:;]/, 1)[0] ?? '') : 'none');
  }

  private takeProvider(provider: string | undefined): void {
    if (!provider || provider === this.provider) return;
    this.provider = provider;
    this.tell();
  }

  private tell(): void {
    const { model } = this;
    // A question that was answered elsewhere does not keep standing there with its buttons.
    if (this.waited && model.pending.length === 0) void commands.executeCommand('notifications.hideToasts');
    this.waited = model.pending.length > 0;
    const context = {
      hasRuns: model.runs.length > 0,
      hasPendingApproval: model.pending.length > 0,
      hasActiveRun: model.live.length > 0,
      hasResumableRun: model.resumable.length > 0,
      hasProvider: this.provider !== '' && this.provider !== 'offline' && this.provider !== 'none',
    };
    for (const [key, value] of Object.entries(context)) void commands.executeCommand('setContext', `aiOrchestrator.${key}`, value);
    this.changed.fire();
  }
}
