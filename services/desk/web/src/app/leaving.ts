import { anyDraft } from "../reply/drafts";
import { anyAttached } from "../reply/uploads";
import { policyDraft } from "../routing/draft";

/** What was written and not sent lives in this tab: ask before it is lost, and do not leave for a file that was dropped beside. */
export function guardThePage(): void {
  addEventListener("beforeunload", (event) => {
    if (anyDraft() || anyAttached() || policyDraft.get() !== null) event.preventDefault();
  });
  const beside = (event: DragEvent): void => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  };
  addEventListener("dragover", beside);
  addEventListener("drop", beside);
}
