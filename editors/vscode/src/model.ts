// What is known of runs, and the tree that is drawn from it. Asks nobody and draws nothing.
import { isLive, type Approval, type Artifact, type RunChange, type RunRow, type RunState, type Step } from './protocol';
import { age, joined, money, shorten, spoken } from './words';

export type Node =
  | { kind: 'approvals' }
  | { kind: 'approval'; runId: string; approval: Approval }
  | { kind: 'run'; run: RunRow }
  | { kind: 'step'; runId: string; step: Step }
  | { kind: 'artifact'; runId: string; artifact: Artifact };

/** A node as it looks. */
export interface Look {
  id: string;
  label: string;
  description: string;
  tooltip: string;
  /** The name of an icon of the editor; none for files, which have their own. */
  icon?: string;
  color?: string;
  context: string;
  children: 'none' | 'closed' | 'open';
}

const RUN_ICONS: Record<string, [string, string?]> = {
  planning: ['sync~spin'],
  running: ['sync~spin'],
  waiting_approval: ['bell-dot', 'notificationsWarningIcon.foreground'],
  paused: ['debug-pause'],
  parked: ['debug-pause'],
  completed: ['pass', 'testing.iconPassed'],
  failed: ['error', 'testing.iconFailed'],
  cancelled: ['circle-slash'],
  pending: ['circle-large-outline'],
  skipped: ['debug-step-over'],
};

/** All that is known, newest run first. */
export class Model {
  private rows: RunRow[] = [];
  private readonly states = new Map<string, RunState>();

  /** Takes the list of workspaces. */
  setRows(rows: RunRow[]): void {
    this.rows = rows;
    const known = new Set(rows.map((row) => row.runId));
    for (const id of this.states.keys()) if (!known.has(id)) this.states.delete(id);
  }

  /** Takes news of runs; says whether one of them is not in the list yet, and which need a closer look. */
  merge(changes: RunChange[]): { isNew: boolean; stale: string[] } {
    const stale: string[] = [];
    let isNew = false;
    for (const change of changes) {
      const row = this.rows.find((row) => row.runId === change.runId);
      if (!row) {
        isNew = true;
        continue;
      }
      const { pendingApprovals, ...rest } = change;
      const seen = this.states.get(change.runId);
      const isOld = row.status !== change.status || row.stepsDone !== change.stepsDone || seen?.approvals.length !== pendingApprovals;
      if (isOld || isLive(change.status)) stale.push(change.runId);
      Object.assign(row, rest);
    }
    return { isNew, stale };
  }

  setState(state: RunState): void {
    this.states.set(state.run_id, state);
    const row = this.rows.find((row) => row.runId === state.run_id);
    if (row) row.status = state.status;
  }

  state(runId: string): RunState | undefined {
    return this.states.get(runId);
  }

  get runs(): readonly RunRow[] {
    return this.rows;
  }

  get live(): RunRow[] {
    return this.rows.filter((row) => isLive(row.status));
  }

  get resumable(): RunRow[] {
    return this.rows.filter((row) => row.standsStill);
  }

  /** Every open question, the oldest run's first. */
  get pending(): { runId: string; approval: Approval }[] {
    const oldestFirst = [...this.rows].reverse();
    return oldestFirst.flatMap((row) => (this.states.get(row.runId)?.approvals ?? []).map((approval) => ({ runId: row.runId, approval })));
  }

  roots(): Node[] {
    const approvals: Node[] = this.pending.length > 0 ? [{ kind: 'approvals' }] : [];
    return [...approvals, ...this.rows.map((run): Node => ({ kind: 'run', run }))];
  }

  children(node: Node): Node[] {
    if (node.kind === 'approvals') return this.pending.map((one): Node => ({ kind: 'approval', ...one }));
    if (node.kind === 'run') {
      const { runId } = node.run;
      return (this.states.get(runId)?.steps ?? []).map((step): Node => ({ kind: 'step', runId, step }));
    }
    if (node.kind === 'step') {
      return this.artifactsOf(node.runId, node.step).map((artifact): Node => ({ kind: 'artifact', runId: node.runId, artifact }));
    }
    return [];
  }

  artifactsOf(runId: string, step: Step): Artifact[] {
    return (this.states.get(runId)?.artifacts ?? []).filter((artifact) => artifact.step === step.id);
  }

  /** A question in words that stand alone: of a plan, the run's goal says what it is about. */
  question({ runId, approval }: { runId: string; approval: Approval }): string {
    return approval.what === 'plan' ? `Plan: ${this.states.get(runId)?.goal ?? runId}` : approval.what;
  }

  look(node: Node, now: number): Look {
    switch (node.kind) {
      case 'approvals':
        return {
          id: 'approvals', label: 'Waiting for you', description: String(this.pending.length), tooltip: 'Questions that only you can answer',
          icon: 'bell-dot', color: 'notificationsWarningIcon.foreground', context: 'approvals', children: 'open',
        };
      case 'approval':
        return {
          id: `approval:${node.runId}:${node.approval.id}:${node.approval.hash}`, label: shorten(this.question(node), 80),
          description: joined(node.approval.step, node.runId), tooltip: this.question(node), icon: 'question', context: 'approval', children: 'none',
        };
      case 'run':
        return runLook(node.run, now);
      case 'step':
        return stepLook(node.runId, node.step, this.artifactsOf(node.runId, node.step).length > 0);
      case 'artifact':
        return {
          id: `artifact:${node.runId}:${node.artifact.path}`, label: node.artifact.path, description: '', tooltip: node.artifact.path,
          context: 'artifact', children: 'none',
        };
    }
  }
}

function runLook(run: RunRow, now: number): Look {
  const [icon, color] = RUN_ICONS[run.status] ?? ['circle-outline'];
  const steps = run.steps > 0 ? `${run.stepsDone}/${run.steps}` : '';
  const context = run.standsStill ? 'run.resumable' : isLive(run.status) ? 'run.live' : 'run.ended';
  return {
    id: `run:${run.runId}`, label: shorten(run.goal || run.runId, 26), description: joined(steps, money(run.costUsd || null), age(run.startedAt, now)),
    tooltip: `${run.goal}\n${joined(run.runId, spoken(run.status))}`, icon, color, context, children: isLive(run.status) ? 'open' : 'closed',
  };
}

function stepLook(runId: string, step: Step, hasArtifacts: boolean): Look {
  const [icon, color] = RUN_ICONS[step.status] ?? ['circle-outline'];
  const context = step.status === 'failed' ? 'step.failed' : step.status === 'completed' || step.status === 'skipped' ? 'step.done' : 'step.open';
  const again = step.attempt > 1 ? `attempt ${step.attempt}` : '';
  return {
    id: `step:${runId}:${step.id}`, label: shorten(step.title, 60), description: joined(step.agent, again, money(step.cost_usd || null)),
    tooltip: `${step.title}\n${joined(step.id, step.agent, spoken(step.status))}` + (step.error ? `\n${step.error}` : ''), icon, color, context,
    children: hasArtifacts ? 'closed' : 'none',
  };
}
