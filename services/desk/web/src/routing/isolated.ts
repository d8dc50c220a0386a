/** Names and expressions within a sentence keep their own direction. */
export function isolated(about: Record<string, string | number>): Record<string, string> {
  return Object.fromEntries(Object.entries(about).map(([name, value]) => [name, `\u2068${value}\u2069`]));
}
