/** What a screen reader should say. One polite and one assertive region stand in the shell (see Announcer). */

type Urgency = "polite" | "assertive";
type Listener = (text: string, urgency: Urgency) => void;

let listener: Listener | null = null;

export function announce(text: string, urgency: Urgency = "polite"): void {
  listener?.(text, urgency);
}

export function onAnnounce(next: Listener): () => void {
  listener = next;
  return () => {
    if (listener === next) listener = null;
  };
}
