/** The live connection: resumes after the last cursor seen, so a reconnect misses nothing; backs off with jitter. */

import type { ClientFrame, LiveFrame } from "../api/types";

export type LiveStatus = "connecting" | "online" | "offline";

const PING_EVERY = 10_000;
/** The server asks every 12 s. Who has heard nothing for so long talks to nobody, whatever the socket says: a lid was closed, a network changed. */
const SILENCE = 35_000;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;

interface Listeners {
  frame(frame: LiveFrame): void;
  status(status: LiveStatus): void;
  /** The server refused the session: log in again. */
  refused(): void;
}

export class LiveConnection {
  private socket: WebSocket | null = null;
  private cursor: number | null = null;
  private failures = 0;
  private stopped = false;
  private retry: number | undefined;
  private ping: number | undefined;
  private viewing: string | null = null;
  private heard = 0;

  constructor(private readonly listeners: Listeners) {}

  start(): void {
    this.stopped = false;
    addEventListener("online", this.now);
    document.addEventListener("visibilitychange", this.now);
    this.open();
  }

  stop(): void {
    this.stopped = true;
    removeEventListener("online", this.now);
    document.removeEventListener("visibilitychange", this.now);
    clearTimeout(this.retry);
    clearInterval(this.ping);
    this.socket?.close();
    this.socket = null;
  }

  /** Best effort: what cannot be sent now is worth nothing later. */
  send(frame: ClientFrame): void {
    if (frame.kind === "viewing") this.viewing = frame.conversation_id;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private readonly now = (): void => {
    if (this.stopped || this.socket || document.hidden) return;
    clearTimeout(this.retry);
    this.open();
  };

  private open(): void {
    this.listeners.status("connecting");
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const after = this.cursor === null ? "" : `?after=${this.cursor}`;
    const socket = new WebSocket(`${scheme}://${location.host}/api/live${after}`);
    this.socket = socket;
    socket.onopen = () => {
      this.failures = 0;
      this.heard = Date.now();
      this.listeners.status("online");
      this.send({ kind: "ping" });
      this.send({ kind: "viewing", conversation_id: this.viewing });
      this.ping = window.setInterval(() => this.tick(socket), PING_EVERY);
    };
    socket.onmessage = (message: MessageEvent<string>) => this.take(message.data);
    socket.onclose = (event) => this.lost(socket, event.code);
  }

  private tick(socket: WebSocket): void {
    if (Date.now() - this.heard < SILENCE) return this.send({ kind: "ping" });
    socket.close();
    this.lost(socket, 1006);
  }

  private take(data: string): void {
    this.heard = Date.now();
    const frame = JSON.parse(data) as LiveFrame;
    // Answered here, because a hidden page hears at once while its timers all but stand still.
    if (frame.kind === "ping") this.send({ kind: "ping" });
    if (frame.kind === "hello") this.cursor = frame.data.cursor;
    else if (typeof frame.cursor === "number") this.cursor = frame.cursor;
    this.listeners.frame(frame);
  }

  private lost(socket: WebSocket, code: number): void {
    if (this.socket !== socket) return;
    clearInterval(this.ping);
    this.socket = null;
    if (this.stopped) return;
    if (code === 4401 || code === 1008) this.listeners.refused();
    this.listeners.status("offline");
    const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.failures);
    this.failures += 1;
    this.retry = window.setTimeout(() => this.open(), ceiling * (0.5 + Math.random() / 2));
  }
}
