import type { Item } from "../api/types";

/** A stretch of the timeline: one item, or routing steps in a row of which only the last matters at first sight. */
export interface Stretch {
  items: Item[];
  folded: number;
}

const FOLD_FROM = 3;

export function inStretches(items: Item[], unfolded: ReadonlySet<string>): Stretch[] {
  const stretches: Stretch[] = [];
  let run: Item[] = [];
  const close = (): void => {
    const first = run[0];
    if (!first) return;
    const fold = run.length >= FOLD_FROM && !unfolded.has(first.item_id);
    stretches.push({ items: run, folded: fold ? run.length - 1 : 0 });
    run = [];
  };
  for (const item of items) {
    if (item.kind === "event") {
      run.push(item);
      continue;
    }
    close();
    stretches.push({ items: [item], folded: 0 });
  }
  close();
  return stretches;
}
