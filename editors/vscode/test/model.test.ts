import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Model, type Node } from '../src/model';
import type { Approval, RunRow, RunState, Step } from '../src/protocol';
import { statusLook } from '../src/status';

const NOW = Date.parse('2026-05-05T12:00:00Z');
const run = (runId: string, more: Partial<RunRow> = {}): RunRow => ({
  runId, goal: `Goal of ${runId}`, status: 'running', stepsDone: 1, steps: 3, costUsd: null, workspace: `/w/${runId}`, startedAt: '2026-05-05T11:30:00Z', ...more,
});
const question: Approval = { id: 'A1', what: 'the plan', hash: 'ff', uri: 'file:///w/a/approvals.md', line: 4 };
const step = (id: string, more: Partial<Step> = {}): Step => ({ id, agent: 'coder', title: `Step ${id}`, status: 'pending', attempt: 1, ...more });
const state = (runId: string, more: Partial<RunState> = {}): RunState => ({
  run_id: runId, goal: '', status: 'running', steps: [], artifacts: [], approvals: [], planUri: '', workspace: `/w/${runId}`, ...more,
});
const contexts = (model: Model, nodes: Node[]) => nodes.map((node) => model.look(node, NOW).context);

test('questions stand above the runs, the oldest first', () => {
  const model = new Model();
  model.setRows([run('new'), run('old')]);
  model.setState(state('new', { status: 'waiting_approval', approvals: [question] }));
  model.setState(state('old', { status: 'waiting_approval', approvals: [{ ...question, id: 'A7' }] }));
  const [group, ...runs] = model.roots();
  assert.equal(group?.kind, 'approvals');
  assert.deepEqual(contexts(model, runs), ['run.live', 'run.live']);
  assert.deepEqual(model.pending.map(({ approval }) => approval.id), ['A7', 'A1']);
  assert.deepEqual(contexts(model, model.children(group as Node)), ['approval', 'approval']);
});

test('a run that nobody knows asks for the list, one that changed for a closer look', () => {
  const model = new Model();
  model.setRows([run('a', { status: 'completed', stepsDone: 3 })]);
  const change = { runId: 'a', status: 'completed' as const, stepsDone: 3, steps: 3, workspace: '/w/a', pendingApprovals: 0 };
  model.setState(state('a', { status: 'completed' }));
  assert.deepEqual(model.merge([change]), { isNew: false, stale: [] });
  assert.deepEqual(model.merge([{ ...change, status: 'failed' }]), { isNew: false, stale: ['a'] });
  assert.equal(model.merge([{ ...change, runId: 'b' }]).isNew, true);
});

test('a run that waits where nobody holds it can be taken up again', () => {
  const model = new Model();
  model.setRows([run('alone', { status: 'waiting_approval', standsStill: true }), run('held', { status: 'waiting_approval', standsStill: false })]);
  assert.deepEqual(model.resumable.map((row) => row.runId), ['alone']);
  assert.deepEqual(contexts(model, model.roots()), ['run.resumable', 'run.live']);
});

test('artifacts hang below the step that made them', () => {
  const model = new Model();
  model.setRows([run('a')]);
  model.setState(state('a', { steps: [step('s1', { status: 'completed' }), step('s2')], artifacts: [{ path: 'r.md', uri: 'file:///w/a/r.md', step: 's1' }] }));
  const steps = model.children({ kind: 'run', run: run('a') });
  assert.deepEqual(contexts(model, steps), ['step.done', 'step.open']);
  assert.equal(model.look(steps[0] as Node, NOW).children, 'closed');
  assert.equal(model.look(steps[1] as Node, NOW).children, 'none');
  assert.deepEqual(model.children(steps[0] as Node).map((node) => model.look(node, NOW).label), ['r.md']);
});

test('a run tells steps, cost and age; its icon tells the status', () => {
  const model = new Model();
  const look = (more: Partial<RunRow>) => model.look({ kind: 'run', run: run('a', more) }, NOW).description;
  assert.equal(look({ costUsd: 0.031 }), '1/3 · $0.03 · 30 min');
  assert.equal(look({ costUsd: 0, startedAt: null }), '1/3');
});

test('the status bar says what waits, else what works, else who would', () => {
  const model = new Model();
  assert.equal(statusLook('running', '', model, 'offline').text, '$(rocket) offline');
  assert.equal(statusLook('unavailable', 'gone', model, '').command, 'aiOrchestrator.getServer');
  model.setRows([run('a')]);
  assert.equal(statusLook('running', '', model, 'offline').text, '$(sync~spin) 1 run · 1/3');
  model.setState(state('a', { status: 'waiting_approval', approvals: [question] }));
  const look = statusLook('running', '', model, 'offline');
  assert.deepEqual([look.text, look.warns, look.command], ['$(bell-dot) 1 approval', true, 'aiOrchestrator.nextApproval']);
});
