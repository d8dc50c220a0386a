// Payvand's chat: <script src="https://hub.example/chat/widget.js" data-inbox="web" data-locale="fa" async></script>

import type { ServerFrame, VisitorMessage } from './frames';
import { Line, hopeless, type LineState } from './line';
import { Memory } from './memory';
import { TEXTS, localeOf } from './texts';
import { View, type Delivery } from './view';

const TYPING_EVERY = 3_000;

class Chat {
  private readonly memory: Memory;
  private readonly line: Line;
  private readonly view: View;
  private readonly mine = new Map<string, VisitorMessage>();
  private readonly unseen = new Set<string>();
  private lastTyping = 0;

  constructor(script: HTMLScriptElement) {
    const { inbox = 'web', locale: wish, title = '', accent = '' } = script.dataset;
    const address = new URL(`/chat/${encodeURIComponent(inbox)}`, script.src);
    this.memory = new Memory(`payvand:${address.host}:${inbox}:`);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    const locale = localeOf(wish, document.documentElement.lang, navigator.language);
    const host = document.createElement('div');
    host.id = 'payvand-chat';
    this.view = new View(
      host,
      TEXTS[locale],
      { opened: () => this.opened(), say: (text) => this.say(text), typed: () => this.typed(), introduced: (given) => (this.memory.introduction = given) },
      { title, accent, locale },
    );
    this.line = new Line(address.href, this.memory, { frame: (frame) => this.frame(frame), state: (state) => this.state(state, locale) });
    this.view.askIntroduction(script.dataset.prechat !== 'off' && this.memory.introduction === null && !this.memory.token);
    document.body.append(host);
    document.addEventListener('visibilitychange', () => this.see());
    for (const message of this.memory.pending) this.showMine(message, 'pending');
    // Somebody who has written before is connected at once, to see what was answered; others when they open the chat.
    if (this.memory.token) this.line.open();
    if (script.dataset.open === 'true') this.view.toggle(true);
  }

  private opened(): void {
    this.line.open();
    this.see();
  }

  private say(text: string): void {
    const { name, email } = this.memory.introduction ?? {};
    const message: VisitorMessage = { kind: 'message', id: uuid(), text, at: new Date().toISOString(), page: location.href.slice(0, 1000) };
    if (name) message.name = name;
    if (email) message.email = email;
    this.showMine(message, 'pending');
    this.line.say(message);
  }

  private typed(): void {
    const now = Date.now();
    if (now - this.lastTyping < TYPING_EVERY) return;
    this.lastTyping = now;
    this.line.tell({ kind: 'typing' });
  }

  private frame(frame: ServerFrame): void {
    if (frame.kind === 'message' && frame.from === 'visitor') {
      this.mine.delete(frame.id);
      this.view.show({ ...frame, at: new Date(frame.at), delivery: 'sent' });
    } else if (frame.kind === 'message') {
      this.view.show({ ...frame, at: new Date(frame.at) });
      this.line.tell({ kind: 'received', id: frame.id });
      this.unseen.add(frame.id);
      this.see();
    } else if (frame.kind === 'ack') this.settle(frame.id, 'sent');
    else if (frame.kind === 'typing') this.view.mark(true);
    else if (frame.kind === 'error' && frame.id && hopeless(frame.code)) this.settle(frame.id, 'failed');
  }

  private state(state: LineState, locale: keyof typeof TEXTS): void {
    this.view.warn(state === 'waiting' ? TEXTS[locale].offline : state === 'connecting' ? TEXTS[locale].connecting : '');
  }

  private showMine(message: VisitorMessage, delivery: Delivery): void {
    this.mine.set(message.id, message);
    this.view.show({ id: message.id, from: 'visitor', text: message.text, at: new Date(message.at), delivery });
  }

  private settle(id: string, delivery: Delivery): void {
    const message = this.mine.get(id);
    if (message) this.showMine(message, delivery);
  }

  /** Messages before the visitor's eyes are read; the others are counted. */
  private see(): void {
    if (this.view.isOpen && !document.hidden) {
      for (const id of this.unseen) this.line.tell({ kind: 'read', id });
      this.unseen.clear();
    }
    this.view.unread(this.unseen.size);
  }
}

/** crypto.randomUUID is missing on pages without TLS. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const script = document.currentScript;
if (script instanceof HTMLScriptElement && !document.getElementById('payvand-chat')) {
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', () => new Chat(script));
  else new Chat(script);
}
