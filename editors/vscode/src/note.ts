// Asks for the word that goes with a rejection.
import { window } from 'vscode';

/** The note, empty when there is none to give; `undefined` when the user went away and nothing is to be decided. */
export async function askNote(): Promise<string | undefined> {
  const note = await window.showInputBox({
    title: 'Reject',
    prompt: 'What should be different? It goes to the agents; leave it empty to just reject.',
    placeHolder: 'Two charts are enough',
    ignoreFocusOut: true,
  });
  return note?.trim();
}
