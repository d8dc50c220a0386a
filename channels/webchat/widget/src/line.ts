// The socket that comes back: resumes after the last message seen, and sends again what was not acknowledged.

import type { ClientFrame, ServerFrame, VisitorMessage } from './frames';
import type { Memory } from './memory';

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
const PING_EVERY = 25_000;
const SILENCE = 45_000;
const ACK_WITHIN = 10_000;

export type LineState = 'idle' | 'connecting' | 'open' | 'waiting';

export interface Listener {
  frame(frame: ServerFrame): void;
  state(state: LineState): void;
}

/** Whether the same message again would be refused again. */
export function hopeless(code: string): boolean {
  return code === 'too-large' || code === 'malformed';
}

export class Line {
  private socket: WebSocket | null = null;
  private welcomed = false;
  private failures = 0;
  private lastSeq = 0;
  private heard = 0;
  private retry: number | undefined;
  private watch: number | undefined;
  private readonly sentAt = new Map<string, number>();

  constructor(
    private readonly url: string,
    private readonly memory: Memory,
    private readonly listener: Listener,
  ) {
    addEventListener('online', () => this.hurry());
    addEventListener('pagehide', () => this.socket?.close());
    addEventListener('pageshow', (event) => event.persisted && this.hurry());
    document.addEventListener('visibilitychange', () => document.hidden || this.hurry());
  }

  /** Connect, unless it is already under way. */
  open(): void {
    if (this.socket) return;
    clearTimeout(this.retry);
    this.listener.state('connecting');
    const address = new URL(this.url);
    if (this.memory.token) address.searchParams.set('token', this.memory.token);
    address.searchParams.set('after', String(this.lastSeq));
    const socket = new WebSocket(address);
    this.socket = socket;
    this.welcomed = false;
    this.heard = Date.now();
    socket.onmessage = (event) => this.received(String(event.data));
    socket.onclose = () => this.lost(socket);
    clearInterval(this.watch);
    this.watch = setInterval(() => this.look(), 5_000);
  }

  /** Keep a message until it is acknowledged, and send it now if possible. */
  say(message: VisitorMessage): void {
    this.memory.pending = [...this.memory.pending, message];
    this.open();
    if (this.welcomed) this.sendMessage(message);
  }

  /** Send something that may get lost. */
  tell(frame: ClientFrame): void {
    if (this.welcomed && this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  private received(data: string): void {
    this.heard = Date.now();
    let frame: ServerFrame;
    try {
      frame = JSON.parse(data) as ServerFrame;
    } catch {
      return;
    }
    if (frame.kind === 'welcome') this.welcome(frame.token);
    else if (frame.kind === 'message') {
      if (frame.from === 'visitor') this.settle(frame.id);
      if (frame.seq <= this.lastSeq) return;
      this.lastSeq = frame.seq;
    } else if (frame.kind === 'ack') this.settle(frame.id);
    else if (frame.kind === 'error') {
      // A frame that could not be read is refused without its id; only messages can be that bad, and they are read in order.
      const oldest = this.sentAt.keys().next().value;
      if (!frame.id && oldest && hopeless(frame.code)) frame.id = oldest;
      this.refused(frame.code, frame.id);
    }
    this.listener.frame(frame);
  }

  private welcome(token: string): void {
    this.memory.token = token;
    this.failures = 0;
    this.welcomed = true;
    this.sentAt.clear();
    this.listener.state('open');
    for (const message of this.memory.pending) this.sendMessage(message);
  }

  private refused(code: string, id: string | undefined): void {
    if (code === 'not-verified') {
      this.memory.token = '';
      this.lastSeq = 0;
    }
    if (id && hopeless(code)) this.settle(id);
  }

  private sendMessage(message: VisitorMessage): void {
    this.sentAt.set(message.id, Date.now());
    this.tell(message);
  }

  private settle(id: string): void {
    this.sentAt.delete(id);
    this.memory.pending = this.memory.pending.filter((message) => message.id !== id);
  }

  private look(): void {
    if (!this.socket) return;
    const now = Date.now();
    if (now - this.heard > SILENCE) this.socket.close();
    else if (now - this.heard > PING_EVERY) this.tell({ kind: 'ping' });
    for (const message of this.memory.pending) {
      if (now - (this.sentAt.get(message.id) ?? now) > ACK_WITHIN) this.sendMessage(message);
    }
  }

  private lost(socket: WebSocket): void {
    if (this.socket !== socket) return;
    this.socket = null;
    this.welcomed = false;
    clearInterval(this.watch);
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.failures++) * (0.5 + Math.random() / 2);
    this.listener.state('waiting');
    this.retry = setTimeout(() => this.open(), pause);
  }

  private hurry(): void {
    if (!this.socket && this.failures > 0) this.open();
  }
}
