// The shapes that the server's commands and notifications carry. Says nothing about how they are shown.

export type RunStatus = 'planning' | 'waiting_approval' | 'running' | 'paused' | 'parked' | 'completed' | 'failed' | 'cancelled';
export type StepStatus = 'pending' | 'running' | 'waiting_approval' | 'completed' | 'failed' | 'skipped' | 'cancelled';

/** A row of `orchestrator.listWorkspaces`. */
export interface RunRow {
  runId: string;
  goal: string;
  status: RunStatus;
  stepsDone: number;
  steps: number;
  costUsd?: number | null;
  workspace: string;
  startedAt?: string | null;
  /** Whether it can be taken up again here: one that waits for approval does where nobody holds it. */
  standsStill?: boolean;
}

/** A row of the notification `orchestrator/runsChanged`. */
export type RunChange = Omit<RunRow, 'goal' | 'startedAt'> & { pendingApprovals: number };

export interface Step {
  id: string;
  agent: string;
  title: string;
  status: StepStatus;
  attempt: number;
  output_file?: string | null;
  cost_usd?: number | null;
  error?: string | null;
}

export interface Artifact {
  path: string;
  uri: string;
  step: string;
}

export interface Approval {
  id: string;
  step?: string | null;
  what: string;
  hash: string;
  uri: string;
  line: number;
}

/** The answer of `orchestrator.runState`. */
export interface RunState {
  run_id: string;
  goal: string;
  status: RunStatus;
  status_reason?: string | null;
  steps: Step[];
  artifacts: Artifact[];
  approvals: Approval[];
  planUri: string;
  workspace: string;
}

/** The notification `orchestrator/status`. */
export interface ServerStatus {
  health: 'ok' | 'warning' | 'error';
  message: string;
  provider?: string;
  pendingApprovals: number;
  activeRuns: number;
}

export interface Report {
  checks: { name: string; status: string; message: string; hint?: string | null }[];
}

/** Whether a process works on the run, as far as its status says. */
export function isLive(status: RunStatus): boolean {
  return status === 'planning' || status === 'running' || status === 'waiting_approval';
}
