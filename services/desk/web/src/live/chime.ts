import { preferences } from "../app/preferences";

let context: AudioContext | null = null;

/** Two soft tones for a new offer. Browsers allow sound only after the first click or key; before that it stays silent. */
export function chime(): void {
  if (!preferences.get().sound) return;
  try {
    context ??= new AudioContext();
    if (context.state === "suspended") void context.resume();
    const start = context.currentTime;
    [660, 880].forEach((frequency, index) => {
      const at = start + index * 0.16;
      const tone = new OscillatorNode(context!, { frequency, type: "sine" });
      const gain = new GainNode(context!, { gain: 0 });
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(0.12, at + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.001, at + 0.4);
      tone.connect(gain).connect(context!.destination);
      tone.start(at);
      tone.stop(at + 0.42);
    });
  } catch {
    // No audio device is no reason to lose an offer.
  }
}
