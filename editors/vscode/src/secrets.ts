// API keys: kept in the editor's secret storage, given to the server in its environment, shown nowhere.
import { window, type ExtensionContext } from 'vscode';

export interface KeyKind {
  label: string;
  variable: string;
}

export const KEY_KINDS: readonly KeyKind[] = [
  { label: 'Anthropic', variable: 'ANTHROPIC_API_KEY' },
  { label: 'OpenAI-compatible endpoint', variable: 'OPENAI_API_KEY' },
];

const nameOf = (kind: KeyKind) => `aiOrchestrator.${kind.variable}`;

/** The variables that the server is started with. */
export async function keyVariables(context: ExtensionContext): Promise<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const kind of KEY_KINDS) {
    const key = await context.secrets.get(nameOf(kind));
    if (key) variables[kind.variable] = key;
  }
  return variables;
}

/** Asks for a key and keeps it; false when the user went away. */
export async function askKey(context: ExtensionContext, given?: KeyKind): Promise<boolean> {
  const kind = given ?? (await window.showQuickPick([...KEY_KINDS], { title: 'API key for' }));
  if (!kind) return false;
  const key = await window.showInputBox({
    title: `API key for ${kind.label}`,
    prompt: 'Kept in the secret storage, never in a setting or a file.',
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) => (text && /\s/.test(text.trim()) ? 'A key has no spaces' : undefined),
  });
  if (!key?.trim()) return false;
  await context.secrets.store(nameOf(kind), key.trim());
  return true;
}

export async function clearKeys(context: ExtensionContext): Promise<void> {
  for (const kind of KEY_KINDS) await context.secrets.delete(nameOf(kind));
}

/** Whether a change of the secret storage is about one of our keys. */
export function isOurs(key: string): boolean {
  return KEY_KINDS.some((kind) => nameOf(kind) === key);
}
