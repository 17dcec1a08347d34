// The settings that somebody has set. Defaults are not sent: they would hide what the project's own configuration file says.
import { workspace, type ExtensionContext, type Uri } from 'vscode';

const SECTION = 'aiOrchestrator';
/** Settings of the extension alone. */
const OWN = new Set([`${SECTION}.server.path`, `${SECTION}.trace.server`]);

interface Group {
  properties?: Record<string, unknown>;
}

/** The keys of all settings of the server, as package.json declares them. */
export function serverKeys(context: ExtensionContext): string[] {
  const groups: Group[] = context.extension.packageJSON?.contributes?.configuration ?? [];
  const keys = groups.flatMap((group) => Object.keys(group.properties ?? {}));
  return keys.filter((key) => !OWN.has(key)).map((key) => key.slice(SECTION.length + 1));
}

/** What is set for this place, as nested objects without the leading `aiOrchestrator`. */
export function explicitSettings(keys: string[], scope?: Uri): Record<string, Record<string, unknown>> {
  const configuration = workspace.getConfiguration(SECTION, scope);
  const settings: Record<string, Record<string, unknown>> = {};
  for (const key of keys) {
    const values = configuration.inspect(key);
    const isSet = [values?.globalValue, values?.workspaceValue, values?.workspaceFolderValue].some((value) => value !== undefined);
    const [section, name] = key.split('.', 2);
    if (!isSet || !section || !name) continue;
    (settings[section] ??= {})[name] = configuration.get(key);
  }
  return settings;
}
