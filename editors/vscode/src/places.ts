// Where things of a run lie, and what lies at the same place in the project. Looks at files; changes none.
import { Uri, window, workspace } from 'vscode';
import type { Approval, Artifact } from './protocol';

/** Where an artifact would go in the project. */
export function projectPlace(artifact: Artifact): Uri | undefined {
  const folder = workspace.getWorkspaceFolder(Uri.parse(artifact.uri)) ?? workspace.workspaceFolders?.[0];
  return folder && Uri.joinPath(folder.uri, artifact.path);
}

/** The project's own file of that name, if there is one. */
export async function projectFileFor(artifact: Artifact): Promise<Uri | undefined> {
  const place = projectPlace(artifact);
  if (!place) return undefined;
  return workspace.fs.stat(place).then(() => place, () => undefined);
}

/** Opens approvals.md at the question. */
export async function openApproval(approval: Approval): Promise<void> {
  const document = await workspace.openTextDocument(Uri.parse(approval.uri));
  const line = Math.min(approval.line, Math.max(0, document.lineCount - 1));
  const { range } = document.lineAt(line);
  await window.showTextDocument(document, { selection: range.with(range.start, range.start), preview: true });
}
