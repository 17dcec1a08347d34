// Commands about runs that are there: decide, stop, resume, open, take what they made.
import { Uri, commands, window, workspace } from 'vscode';
import type { Register } from './commands';
import { askNote } from './note';
import { asNode, pickApproval, pickRun, type Pending } from './pick';
import { openApproval, projectFileFor, projectPlace } from './places';
import type { Artifact, RunRow } from './protocol';
import type { Runs } from './runs';
import type { Session } from './session';

export function runCommands(register: Register, session: Session, runs: Runs): void {
  const { model } = runs;
  register('nextApproval', async () => {
    const [next] = model.pending;
    if (next) await openApproval(next.approval);
  });
  register('approve', (node) => decide(session, () => pickApproval(model, node, 'Approve once'), 'approve', 'once'));
  register('approveInRun', (node) => decide(session, () => pickApproval(model, node, 'Approve for this run'), 'approve', 'run'));
  register('reject', (node) => decide(session, () => pickApproval(model, node, 'Reject'), 'reject', 'once'));
  register('workspaces', async () => {
    const run = await pickRun(model, undefined, 'Runs', model.runs);
    if (run) await open(session, run, 'summary');
  });
  register('resume', async (node) => {
    const run = await pickRun(model, node, 'Resume', model.resumable);
    if (run) await session.request('orchestrator.resume', { workspace: run.workspace });
  });
  register('stop', async (node) => {
    const run = await pickRun(model, node, 'Stop', model.live);
    if (run) await session.request('orchestrator.stop', { runId: run.runId });
  });
  register('openSummary', async (node) => {
    const run = await pickRun(model, node, 'Open the summary of', model.runs);
    if (run) await open(session, run, 'summary');
  });
  register('openPlan', async (node) => {
    const run = await pickRun(model, node, 'Open the plan of', model.runs);
    if (run) await open(session, run, 'plan');
  });
  register('openNode', openNode);
  stepCommands(register, session);
  register('compareArtifact', async (value) => {
    const node = asNode(value);
    if (node?.kind === 'artifact') await compare(node.artifact);
  });
  register('applyArtifact', (node) => apply(session, runs, node));
  register('refresh', () => runs.refresh());
}

function stepCommands(register: Register, session: Session): void {
  const atStep = (name: string, command: string) =>
    register(name, async (value) => {
      const node = asNode(value);
      if (node?.kind === 'step') await session.request(command, { runId: node.runId, stepId: node.step.id });
    });
  atStep('openStepLog', 'orchestrator.showLog');
  atStep('retryStep', 'orchestrator.retryStep');
  atStep('skipStep', 'orchestrator.skipStep');
}

async function decide(session: Session, choose: () => Promise<Pending | undefined>, verb: 'approve' | 'reject', scope: 'once' | 'run'): Promise<void> {
  const chosen = await choose();
  if (!chosen) return;
  const note = verb === 'reject' ? await askNote() : '';
  if (note === undefined) return;
  const argument = { runId: chosen.runId, approvalId: chosen.approval.id, hash: chosen.approval.hash, scope, note: note || undefined };
  const result = await session.request<{ decided: boolean; reason?: string }>(`orchestrator.${verb}`, argument);
  if (result && !result.decided) void window.showInformationMessage(result.reason ?? 'Nothing was decided.');
}

async function open(session: Session, run: RunRow, what: 'summary' | 'plan'): Promise<void> {
  await session.request('orchestrator.openWorkspace', { workspace: run.workspace, what });
}

async function openNode(value: unknown): Promise<void> {
  const node = asNode(value);
  if (node?.kind === 'approval') await openApproval(node.approval);
  if (node?.kind === 'artifact') await commands.executeCommand('vscode.open', Uri.parse(node.artifact.uri), { preview: true });
}

/** Shows what would change: left the project's file, right what the run made. */
async function compare(artifact: Artifact): Promise<void> {
  const own = await projectFileFor(artifact);
  if (!own) {
    void window.showInformationMessage(`The project has no file ${artifact.path}.`);
    return;
  }
  await commands.executeCommand('vscode.diff', own, Uri.parse(artifact.uri), `${artifact.path}: project ↔ run`);
}

/** Proposes an artifact as an edit of the project; what is there is shown beside it first. */
async function apply(session: Session, runs: Runs, value: unknown): Promise<void> {
  const chosen = await pickArtifact(runs, value);
  if (!chosen) return;
  const { artifact, workspace: folder } = chosen;
  const own = await projectFileFor(artifact);
  if (own) {
    await compare(artifact);
    // A list, not a dialog: it leaves the difference readable, and its first entry does no harm.
    const replace = 'Replace it by what the run made';
    const answer = await window.showQuickPick(["Keep the project's file", replace], { title: `${artifact.path} is in the project already`, ignoreFocusOut: true });
    if (answer !== replace) return;
    // An open document takes an edit that can be undone; a closed one would have to be overwritten.
    await workspace.openTextDocument(own);
  }
  const result = await session.request<{ applied: boolean }>('orchestrator.applyArtifact', { workspace: folder, path: artifact.path });
  const place = projectPlace(artifact);
  if (result?.applied && place) await window.showTextDocument(place);
  else if (!result?.applied) void window.showWarningMessage(`${artifact.path} was not taken into the project.`);
}

async function pickArtifact(runs: Runs, value: unknown): Promise<{ artifact: Artifact; workspace: string } | undefined> {
  const node = asNode(value);
  const run = node?.kind === 'artifact' ? undefined : await pickRun(runs.model, value, 'Take an artifact of', runs.model.runs);
  const runId = node?.kind === 'artifact' ? node.runId : run?.runId;
  const state = runId ? await runs.stateOf(runId) : undefined;
  if (!state) return undefined;
  if (node?.kind === 'artifact') return { artifact: node.artifact, workspace: state.workspace };
  const items = state.artifacts.map((artifact) => ({ label: artifact.path, artifact }));
  const item = await window.showQuickPick(items, { title: 'Take into the project' });
  return item && { artifact: item.artifact, workspace: state.workspace };
}
