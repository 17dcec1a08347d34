// Packs the extension: one file without a program for every machine, and one for each target whose program is at hand.
// The host's own program is taken from the project's target folder, the others from ../../dist/<target>/. Says which are missing.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const targets = ['linux-x64', 'linux-arm64', 'alpine-x64', 'alpine-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64', 'win32-arm64'];
const host = `${process.platform}-${process.arch}`;
const version = JSON.parse(readFileSync('package.json', 'utf8')).version;
const out = process.env.OUT ?? 'dist';

function programFor(target) {
  const name = target.startsWith('win32') ? 'ai-orchestrator.exe' : 'ai-orchestrator';
  const places = [join('../../dist', target, name)];
  if (target === host) {
    const targetDir = process.env.CARGO_TARGET_DIR ?? '../../target';
    places.push(join(targetDir, 'release', name), join(targetDir, 'debug', name));
  }
  // Of the host's own the one that was built last.
  return places.filter((place) => existsSync(place)).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

function pack(target) {
  const file = join(out, `ai-orchestrator-${version}${target ? `-${target}` : ''}.vsix`);
  const words = ['vsce', 'package', '--no-dependencies', '--skip-license', '--allow-missing-repository', '--out', file];
  execFileSync('npx', ['--no-install', ...words, ...(target ? ['--target', target] : [])], { stdio: ['ignore', 'ignore', 'inherit'] });
  console.log(`${file}: ${Math.round(statSync(file).size / 1024)} KB`);
}

execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
mkdirSync(out, { recursive: true });
rmSync('server', { recursive: true, force: true });
pack();
const missing = [];
for (const target of targets) {
  const program = programFor(target);
  if (!program) {
    missing.push(target);
    continue;
  }
  mkdirSync('server', { recursive: true });
  const place = join('server', target.startsWith('win32') ? 'ai-orchestrator.exe' : 'ai-orchestrator');
  copyFileSync(program, place);
  chmodSync(place, 0o755);
  if (target === host && !process.argv.includes('--keep-symbols')) strip(place);
  pack(target);
  rmSync('server', { recursive: true, force: true });
}
if (missing.length > 0) console.log(`no program for: ${missing.join(', ')} (put it into dist/<target>/ at the project's root)`);

/** A program with its debug symbols is ten times as large; without the tool it is packed as it is. */
function strip(place) {
  try {
    execFileSync('strip', [place], { stdio: 'ignore' });
  } catch {
    console.log('the program is packed with its symbols');
  }
}
