// Finds the server's program and checks that it fits. Knows nothing of the editor.
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface Places {
  /** The setting `aiOrchestrator.server.path`; empty: not set. */
  setting: string;
  /** The folder of the extension. */
  extension: string;
  /** The variable PATH. */
  path: string;
  platform: NodeJS.Platform;
}

export interface Found {
  path: string;
  from: 'setting' | 'bundled' | 'PATH';
}

/** The program: as the setting says, else the one that came with the extension, else one on the PATH. A setting that leads nowhere is not passed over. */
export function findBinary(places: Places, isFile: (path: string) => boolean = isPlainFile): Found | undefined {
  const name = places.platform === 'win32' ? 'ai-orchestrator.exe' : 'ai-orchestrator';
  const folders = places.path.split(delimiter).filter((folder) => folder);
  const onPath = (program: string) => folders.map((folder) => join(folder, program)).find(isFile);
  const setting = places.setting.trim().replace(/^~(?=[/\\])/, homedir());
  if (setting) {
    // A mere name is looked up as a shell would.
    const path = /[/\\]/.test(setting) ? [setting].find(isFile) : onPath(setting);
    return path ? { path, from: 'setting' } : undefined;
  }
  const bundled = join(places.extension, 'server', name);
  if (isFile(bundled)) return { path: bundled, from: 'bundled' };
  const path = onPath(name);
  return path ? { path, from: 'PATH' } : undefined;
}

/** The version in what `--version` prints. */
export function versionIn(text: string): string | undefined {
  return /^ai-orchestrator (\d+\.\d+\.\d+\S*)/m.exec(text)?.[1];
}

/** Whether a server of this version speaks as the extension of that version expects: the same major version, before 1.0 the same minor one too. */
export function fits(server: string, extension: string): boolean {
  const [[major, minor], [wantedMajor, wantedMinor]] = [server.split('.'), extension.split('.')];
  return major === wantedMajor && (major !== '0' || minor === wantedMinor);
}

/** Asks the program for its version; rejects with the reason when it does not answer. */
export function askVersion(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(path, ['--version'], { timeout: 5000, windowsHide: true }, (error, stdout) => {
      const version = versionIn(stdout);
      if (version) resolve(version);
      else reject(new Error(error ? error.message : `it answered "${stdout.slice(0, 80).trim()}" when asked for its version`));
    });
  });
}

function isPlainFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
