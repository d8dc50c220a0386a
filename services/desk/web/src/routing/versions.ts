export const VERSION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** A free name after this one: `support-2` makes `support-3`. */
export function nextVersion(current: string, taken: readonly string[]): string {
  const found = /^(.*?)(?:-(\d+))?$/.exec(current);
  const stem = current === "built-in" ? "policy" : (found?.[1] ?? current).slice(0, 55);
  let number = Number(found?.[2] ?? 1) + 1;
  while (taken.includes(`${stem}-${number}`)) number += 1;
  return `${stem}-${number}`;
}
