// The words in which runs are told to a person. Pure.

/** `$0.03`, `<$0.01`; nothing where the price is unknown. */
export function money(cost: number | null | undefined): string {
  if (cost === null || cost === undefined) return '';
  return cost > 0 && cost < 0.005 ? '<$0.01' : `$${cost.toFixed(2)}`;
}

/** `now`, `5 min`, `3 h`, `2 d`: how long ago; nothing where it is unknown. */
export function age(startedAt: string | null | undefined, now: number): string {
  const start = startedAt ? Date.parse(startedAt) : NaN;
  if (Number.isNaN(start)) return '';
  const minutes = Math.floor(Math.max(0, now - start) / 60_000);
  if (minutes < 1) return 'now';
  if (minutes < 60) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`;
}

/** The parts that are there, with a dot between them. */
export function joined(...parts: (string | null | undefined)[]): string {
  return parts.filter((part) => part).join(' · ');
}

/** `1 approval`, `2 approvals`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`;
}

/** One line of at most so many characters. */
export function shorten(text: string, most: number): string {
  const characters = [...text.replace(/\s+/g, ' ').trim()];
  return characters.length <= most ? characters.join('') : `${characters.slice(0, most - 1).join('').trimEnd()}…`;
}

/** A status as a person says it. */
export function spoken(status: string): string {
  return status === 'waiting_approval' ? 'waiting for you' : status;
}
