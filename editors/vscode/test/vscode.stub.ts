// As much of the editor's interface as the tested parts touch.
export class ThemeColor {
  constructor(readonly id: string) {}
}
export class MarkdownString {
  appendText() { return this; }
  appendMarkdown() { return this; }
}
export const StatusBarAlignment = { Left: 1 };
export const window = {};
/** What `getConfiguration` answers: set by a test. */
export const stubbed: { set: Record<string, unknown>; defaults: Record<string, unknown> } = { set: {}, defaults: {} };
export const workspace = {
  getConfiguration: () => ({
    inspect: (key: string) => ({ defaultValue: stubbed.defaults[key], globalValue: stubbed.set[key] }),
    get: (key: string) => stubbed.set[key] ?? stubbed.defaults[key],
  }),
};
