// The connection that comes back: resumes after the last message seen, and sends again what was not acknowledged.

import type { ClientFrame, ServerFrame, VisitorMessage } from './frames';
import type { Memory } from './memory';
import { polling, socket, type Transport } from './transport';

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
const PING_EVERY = 25_000;
const SILENCE = 45_000;
const WELCOME_WITHIN = 10_000;
const ACK_WITHIN = 10_000;
/** Sockets that failed one after the other before plain requests are tried. */
const SOCKETS_TRIED = 2;

export type LineState = 'idle' | 'connecting' | 'open' | 'waiting';

export interface Listener {
  frame(frame: ServerFrame): void;
  state(state: LineState): void;
  /** What is to be said first on every connection. */
  first(): ClientFrame[];
}

/** Whether the same message again would be refused again. */
export function hopeless(code: string): boolean {
  return code === 'too-large' || code === 'malformed';
}

export class Line {
  private transport: Transport | null = null;
  private welcomed = false;
  /** The hub has not yet said whether this visitor is the person of the page: nothing may be sent in their name. */
  private holding = false;
  private everBySocket = false;
  private byRequests = false;
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
    addEventListener('pagehide', () => this.transport?.close());
    addEventListener('pageshow', (event) => event.persisted && this.hurry());
    document.addEventListener('visibilitychange', () => document.hidden || this.hurry());
  }

  get isOpen(): boolean {
    return this.welcomed && !this.holding;
  }

  /** Connect, unless it is already under way. */
  open(): void {
    if (this.transport) return;
    clearTimeout(this.retry);
    this.listener.state('connecting');
    this.welcomed = false;
    this.heard = Date.now();
    // A socket that worked before is tried again and again; one that never did gives way, every other time, to requests.
    this.byRequests = !this.everBySocket && this.failures >= SOCKETS_TRIED && this.failures % 2 === 0;
    const connect = this.byRequests ? polling : socket;
    const place = { url: this.url, token: this.memory.token, after: this.lastSeq };
    const made: Transport = connect(place, {
      heard: (frame) => this.transport === made && this.received(frame),
      closed: () => this.transport === made && this.lost(),
    });
    this.transport = made;
    clearInterval(this.watch);
    this.watch = setInterval(() => this.look(), 5_000);
  }

  /** Keep a message until it is acknowledged, and send it now if possible. */
  say(message: VisitorMessage): void {
    this.memory.pending = [...this.memory.pending, message];
    this.open();
    if (this.isOpen) this.sendMessage(message);
  }

  /** Send something that may get lost. */
  tell(frame: ClientFrame): void {
    if (this.welcomed) this.transport?.send(frame);
  }

  /** Be a new visitor from here on. */
  renew(connect: boolean): void {
    this.memory.forget();
    this.lastSeq = 0;
    this.failures = 0;
    this.sentAt.clear();
    const old = this.transport;
    this.transport = null;
    this.welcomed = false;
    clearInterval(this.watch);
    clearTimeout(this.retry);
    old?.close();
    if (connect) this.open();
  }

  /** Connect anew, as the same visitor: what is said first has changed. */
  reopen(): void {
    const old = this.transport;
    this.transport = null;
    this.welcomed = false;
    old?.close();
    this.open();
  }

  private received(frame: ServerFrame): void {
    this.heard = Date.now();
    if (frame.kind === 'welcome') this.welcome(frame.token);
    else if (frame.kind === 'message') {
      if (frame.from === 'visitor') this.settle(frame.id);
      if (frame.seq <= this.lastSeq) return;
      this.lastSeq = frame.seq;
    } else if (frame.kind === 'ack') this.settle(frame.id);
    else if (frame.kind === 'identified') this.release(false);
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
    this.everBySocket ||= !this.byRequests;
    this.sentAt.clear();
    this.holding = false;
    for (const frame of this.listener.first()) {
      this.holding ||= frame.kind === 'identify';
      this.tell(frame);
    }
    this.release(this.holding);
  }

  /** Send what waited. */
  private release(holding: boolean): void {
    this.holding = holding;
    if (!this.isOpen) return;
    this.listener.state('open');
    for (const message of this.memory.pending) this.sendMessage(message);
  }

  private refused(code: string, id: string | undefined): void {
    if (code === 'bad-identity') this.release(false);
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
    if (!this.transport) return;
    const now = Date.now();
    const silence = now - this.heard;
    if (silence > (this.welcomed ? SILENCE : WELCOME_WITHIN)) this.transport.close();
    else if (silence > PING_EVERY) this.tell({ kind: 'ping' });
    for (const message of this.isOpen ? this.memory.pending : []) {
      if (now - (this.sentAt.get(message.id) ?? now) > ACK_WITHIN) this.sendMessage(message);
    }
  }

  private lost(): void {
    this.transport = null;
    this.welcomed = false;
    clearInterval(this.watch);
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.failures++) * (0.5 + Math.random() / 2);
    this.listener.state('waiting');
    this.retry = setTimeout(() => this.open(), pause);
  }

  private hurry(): void {
    if (!this.transport && this.failures > 0) this.open();
  }
}
