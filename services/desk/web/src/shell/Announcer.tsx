import { VisuallyHidden } from "@mantine/core";
import { useEffect, useState } from "react";

import { onAnnounce } from "../live/announce";

/** Two live regions, always in the page, so that screen readers hear what changes in them. */
export function Announcer() {
  const [polite, setPolite] = useState("");
  const [assertive, setAssertive] = useState("");
  useEffect(
    () => onAnnounce((text, urgency) => {
      const set = urgency === "assertive" ? setAssertive : setPolite;
      set("");
      setTimeout(() => set(text), 50);
    }),
    [],
  );
  return (
    <>
      <VisuallyHidden role="status" aria-live="polite">{polite}</VisuallyHidden>
      <VisuallyHidden role="alert" aria-live="assertive">{assertive}</VisuallyHidden>
    </>
  );
}
