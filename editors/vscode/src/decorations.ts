// Marks approvals.md and the folder of a run where something waits for the user.
import { EventEmitter, ThemeColor, Uri, window, type Disposable, type FileDecoration, type FileDecorationProvider } from 'vscode';
import type { Runs } from './runs';

export class Decorations implements FileDecorationProvider, Disposable {
  private readonly changed = new EventEmitter<Uri[]>();
  readonly onDidChangeFileDecorations = this.changed.event;
  private marked = new Map<string, number>();
  private readonly subscriptions: Disposable[];

  constructor(private readonly runs: Runs) {
    this.subscriptions = [window.registerFileDecorationProvider(this), runs.onChange(() => this.look()), this.changed];
  }

  provideFileDecoration(uri: Uri): FileDecoration | undefined {
    const number = this.marked.get(uri.toString());
    if (!number) return undefined;
    return { badge: String(Math.min(number, 99)), tooltip: 'waits for your decision', color: new ThemeColor('list.warningForeground') };
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private look(): void {
    const marked = new Map<string, number>();
    for (const { approval } of this.runs.model.pending) {
      const file = Uri.parse(approval.uri);
      for (const uri of [file, Uri.joinPath(file, '..')]) marked.set(uri.toString(), (marked.get(uri.toString()) ?? 0) + 1);
    }
    const touched = new Set([...marked.keys(), ...this.marked.keys()]);
    this.marked = marked;
    if (touched.size > 0) this.changed.fire([...touched].map((uri) => Uri.parse(uri)));
  }
}
