// Choosing who answers the agents: a model on this machine, a service, an endpoint, or nobody.
import { ConfigurationTarget, QuickPickItemKind, window, workspace, type QuickPickItem } from 'vscode';
import { KEY_KINDS, askKey } from './secrets';
import type { Report } from './protocol';
import type { Session } from './session';
import { count } from './words';

const OLLAMA = 'http://127.0.0.1:11434';

interface Choice extends QuickPickItem {
  provider: 'anthropic' | 'openai' | 'offline' | 'auto';
  baseUrl?: string;
  model?: string;
  keyVariable?: string;
  asksUrl?: boolean;
}

/** Asks, writes the settings of the user, and says what the set-up is now. */
export async function chooseProvider(session: Session): Promise<void> {
  const choice = await window.showQuickPick(choices(), { title: 'Who should answer the agents?' });
  if (!choice) return;
  const baseUrl = choice.asksUrl ? await askUrl() : choice.baseUrl;
  if (choice.asksUrl && !baseUrl) return;
  const kind = KEY_KINDS.find((kind) => kind.variable === choice.keyVariable);
  // A key that is there already serves on; without one, going away means that nothing changes.
  if (kind && !(await hasKey(session, kind.variable)) && !(await askKey(session.context, kind)) && !choice.asksUrl) return;
  const configuration = workspace.getConfiguration('aiOrchestrator');
  const values = { 'model.provider': choice.provider, 'model.baseUrl': baseUrl, 'model.name': choice.model };
  for (const [key, value] of Object.entries(values)) {
    if (configuration.inspect(key)) await configuration.update(key, value, ConfigurationTarget.Global);
  }
  await session.restart();
  await say(session);
}

async function hasKey(session: Session, variable: string): Promise<boolean> {
  return Boolean(process.env[variable] ?? (await session.context.secrets.get(`aiOrchestrator.${variable}`)));
}

async function choices(): Promise<Choice[]> {
  const local = (await ollamaModels()).map((model): Choice => ({
    label: `$(vm) ${model}`, description: 'Ollama on this machine', provider: 'openai', baseUrl: `${OLLAMA}/v1`, model,
  }));
  const found = local.length > 0 ? [{ label: count(local.length, 'local model'), kind: QuickPickItemKind.Separator, provider: 'auto' } as Choice, ...local] : [];
  return [
    ...found,
    { label: 'Services', kind: QuickPickItemKind.Separator, provider: 'auto' },
    { label: '$(key) Anthropic', description: 'with an API key', provider: 'anthropic', keyVariable: 'ANTHROPIC_API_KEY' },
    { label: '$(globe) Any compatible endpoint', description: 'an address, with or without a key', provider: 'openai', keyVariable: 'OPENAI_API_KEY', asksUrl: true },
    { label: 'Without a model', kind: QuickPickItemKind.Separator, provider: 'auto' },
    { label: '$(circle-slash) Stay offline', description: 'plain results, no key, no network', provider: 'offline' },
    { label: '$(wand) Let the server decide', description: 'by the keys that are there', provider: 'auto' },
  ];
}

/** The models of an Ollama on this machine; none when there is no answer within half a second. */
async function ollamaModels(): Promise<string[]> {
  try {
    const answer = await fetch(`${OLLAMA}/api/tags`, { signal: AbortSignal.timeout(500) });
    const { models } = (await answer.json()) as { models?: { name?: unknown }[] };
    return (models ?? []).map((model) => model.name).filter((name) => typeof name === 'string').slice(0, 20);
  } catch {
    return [];
  }
}

async function askUrl(): Promise<string | undefined> {
  const url = await window.showInputBox({
    title: 'Address of the endpoint',
    placeHolder: 'https://…/v1',
    ignoreFocusOut: true,
    validateInput: (text) => (/^https?:\/\/\S+$/.test(text.trim()) ? undefined : 'An address starts with https:// or http://'),
  });
  return url?.trim();
}

async function say(session: Session): Promise<void> {
  const report = await session.request<Report>('orchestrator.doctor', {});
  const check = report?.checks.find((check) => check.name === 'provider');
  if (!check) return;
  const text = `AI Orchestrator: ${check.message}${check.hint ? ` (${check.hint})` : ''}`;
  void (check.status === 'ok' ? window.showInformationMessage(text) : window.showWarningMessage(text));
}
