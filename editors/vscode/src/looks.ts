// How what the server says looks in this editor. Pure.

const ICONS: [string, string][] = [
  ['▶', '$(play)'],
  ['⟳', '$(sync~spin)'],
  ['⏸', '$(bell-dot)'],
  ['✓', '$(pass)'],
  ['✗', '$(error)'],
  ['⊘', '$(circle-slash)'],
  ['⋯', '$(ellipsis)'],
];

/** A sign at the start of a title becomes the editor's own icon: not every font has the sign. */
export function withIcons(title: string): string {
  const found = ICONS.find(([sign]) => title.startsWith(sign));
  // A plain space beside an icon is not drawn.
  return found ? `${found[1]}${title.slice(found[0].length).replace(/^ /, '\u00a0')}` : title;
}

export interface Opened {
  path: string;
  at: number;
}

/** Whether this is the report on the work that was opened a moment ago: it does not take the place of the work itself. */
export function isReportOn(last: Opened | undefined, path: string, now = Date.now()): boolean {
  const folder = (file: string) => file.slice(0, file.lastIndexOf('/'));
  return path.endsWith('/qa_report.md') && last !== undefined && now - last.at < 5000 && folder(last.path) === folder(path);
}
