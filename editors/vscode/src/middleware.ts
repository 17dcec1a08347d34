// What differs from the client's own ways: settings without defaults, documents that open beside, a note with every rejection.
import { Uri, ViewColumn, commands, window, workspace } from 'vscode';
import type { Middleware } from 'vscode-languageclient/node';
import { askNote } from './note';
import { isReportOn, withIcons, type Opened } from './looks';
import { explicitSettings } from './settings';

/** A decision as the server's lenses and actions carry it. */
interface Decision {
  approvalId?: string;
  hash?: string;
  note?: string;
}

/** What `orchestrator.showChanges` answers. */
interface Changes {
  before: string;
  after: string;
  added: number;
  removed: number;
}

function changesTitle({ after, added, removed }: Changes): string {
  return `${decodeURIComponent(after.split('/').pop() ?? 'result')} (+${added} −${removed})`;
}

/** The document that was opened last without being asked for. */
let lastUnasked: Opened | undefined;

export function middleware(keys: string[]): Middleware {
  return {
    workspace: {
      configuration(params) {
        return params.items.map((item) => {
          const scope = item.scopeUri ? Uri.parse(item.scopeUri) : undefined;
          return item.section === 'aiOrchestrator' ? explicitSettings(keys, scope) : null;
        });
      },
    },
    window: {
      async showDocument(params) {
        const uri = Uri.parse(params.uri);
        if (params.external) return { success: await commands.executeCommand('vscode.open', uri).then(() => true, () => false) };
        // Nothing that was not asked for takes the focus or the place of what is being read; a second one takes the place of the first.
        const unasked = params.takeFocus !== true;
        if (unasked && isReportOn(lastUnasked, uri.path)) return { success: true };
        if (unasked) lastUnasked = { path: uri.path, at: Date.now() };
        const options = { viewColumn: unasked && opensBeside() ? ViewColumn.Beside : ViewColumn.Active, preserveFocus: unasked, preview: true };
        return { success: await commands.executeCommand('vscode.open', uri, options).then(() => true, () => false) };
      },
    },
    async provideCodeLenses(document, token, next) {
      const lenses = await next(document, token);
      for (const lens of lenses ?? []) if (lens.command) lens.command.title = withIcons(lens.command.title);
      return lenses;
    },
    async executeCommand(command, args, next) {
      const decision = args[0] as Decision | undefined;
      if (command === 'orchestrator.reject' && decision?.approvalId && decision.note === undefined) {
        const note = await askNote();
        if (note === undefined) return undefined;
        args = [{ ...decision, note: note || undefined }];
      }
      try {
        const result = (await next(command, args)) as { decided?: boolean; reason?: string } | null;
        // The server opens a file of differences for other editors; here the editor compares by itself.
        const changes = command === 'orchestrator.showChanges' ? (result as unknown as Changes | null) : null;
        if (changes?.before) await commands.executeCommand('vscode.diff', Uri.parse(changes.before), Uri.parse(changes.after), changesTitle(changes));
        if (result?.decided === false && decision?.approvalId) void window.showInformationMessage(result.reason ?? 'Nothing was decided.');
        return result;
      } catch (error) {
        void window.showErrorMessage(`AI Orchestrator: ${error instanceof Error ? error.message : String(error)}`);
        return undefined;
      }
    },
  };
}

function opensBeside(): boolean {
  return workspace.getConfiguration('aiOrchestrator').get<string>('ui.openArtifacts') !== 'active';
}
