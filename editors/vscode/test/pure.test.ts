import assert from 'node:assert/strict';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { findBinary, fits, versionIn, type Places } from '../src/binary';
import { explicitSettings } from '../src/settings';
import { isReportOn, withIcons } from '../src/looks';
import { age, joined, money, shorten } from '../src/words';
import { stubbed } from './vscode.stub';

const places: Places = { setting: '', extension: '/ext', path: ['/a', '/b'].join(delimiter), platform: 'linux' };
const only = (...files: string[]) => (path: string) => files.includes(path);

test('the program is looked for in the setting, in the extension, on the path', () => {
  const bundled = join('/ext', 'server', 'ai-orchestrator');
  const onPath = join('/b', 'ai-orchestrator');
  assert.equal(findBinary({ ...places, setting: '/own' }, only('/own', bundled))?.from, 'setting');
  assert.equal(findBinary(places, only(bundled, onPath))?.from, 'bundled');
  assert.deepEqual(findBinary(places, only(onPath)), { path: onPath, from: 'PATH' });
  assert.equal(findBinary(places, only()), undefined);
  assert.equal(findBinary({ ...places, platform: 'win32' }, only(join('/a', 'ai-orchestrator.exe')))?.from, 'PATH');
});

test('a setting that leads nowhere is not passed over; a mere name is looked up on the path', () => {
  assert.deepEqual(findBinary({ ...places, setting: 'ai-orchestrator' }, only(join('/b', 'ai-orchestrator'))), { path: join('/b', 'ai-orchestrator'), from: 'setting' });
  assert.equal(findBinary({ ...places, setting: '/gone' }, only(join('/b', 'ai-orchestrator'))), undefined);
});

test('before 1.0 the minor version must be the same, after it only the major one', () => {
  assert.equal(versionIn('ai-orchestrator 0.1.3\n'), '0.1.3');
  assert.equal(versionIn('something else 0.1.3'), undefined);
  assert.ok(fits('0.1.9', '0.1.0') && !fits('0.2.0', '0.1.0') && fits('1.4.0', '1.1.0') && !fits('2.0.0', '1.0.0'));
});

test('only what somebody has set is sent', () => {
  stubbed.defaults = { 'model.provider': 'auto', 'model.name': 'x', 'limits.off': true };
  stubbed.set = { 'model.provider': 'offline', 'limits.off': false };
  assert.deepEqual(explicitSettings(['model.provider', 'model.name', 'limits.off']), { model: { provider: 'offline' }, limits: { off: false } });
});

test('words are short and never invented', () => {
  assert.deepEqual([money(null), money(0), money(0.001), money(1.239)], ['', '$0.00', '<$0.01', '$1.24']);
  const now = Date.parse('2026-01-03T00:00:00Z');
  assert.deepEqual(['2026-01-02T23:59:40Z', '2026-01-02T20:00:00Z', '2025-12-30T00:00:00Z', 'soon', null].map((at) => age(at, now)), ['now', '4 h', '4 d', '', '']);
  assert.equal(joined('a', '', null, 'b'), 'a · b');
  assert.equal(shorten('  one\n two three', 8), 'one two…');
  assert.equal([...shorten('😀😀😀', 2)].length, 2);
});

test('signs become icons, and a report does not cover the work it is about', () => {
  assert.equal(withIcons('✓ 4/4 · $0.11'), '$(pass)\u00a04/4 · $0.11');
  assert.equal(withIcons('Run again'), 'Run again');
  const last = { path: '/w/a/documentation.md', at: 1000 };
  assert.ok(isReportOn(last, '/w/a/qa_report.md', 1500));
  assert.ok(!isReportOn(last, '/w/b/qa_report.md', 1500) && !isReportOn(last, '/w/a/qa_report.md', 9000) && !isReportOn(undefined, '/w/a/qa_report.md', 0));
});
