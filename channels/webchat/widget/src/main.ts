// Payvand's chat: <script src="https://hub.example/chat/widget.js" data-inbox="web" data-locale="fa" async></script>

import { USUAL, type ClientFrame, type Config, type ServerFrame, type ShownFile, type VisitorMessage } from './frames';
import { Line, hopeless, type LineState } from './line';
import { Memory, type Introduction } from './memory';
import { TEXTS, localeOf, type Texts } from './texts';
import { View, type Delivery } from './view';

const TYPING_EVERY = 3_000;
const LINK_EVERY = 300_000;
const CONFIG_WITHIN = 4_000;
/** `data-identity` of a page that will say who is logged in, but later. */
const LATER = 'later';

interface Upload {
  message: VisitorMessage;
  file: File;
}

class Chat {
  private readonly url: URL;
  private readonly memory: Memory;
  private readonly line: Line;
  private readonly view: View;
  private readonly texts: Texts;
  private readonly mine = new Map<string, VisitorMessage>();
  private readonly unseen = new Set<string>();
  private uploads: Upload[] = [];
  private config = USUAL;
  private asked: Promise<void> | undefined;
  private identity: string;
  /** Not known from an earlier page. */
  private newcomer: boolean;
  private lastTyping = 0;
  private lastLink = 0;

  constructor(private readonly script: HTMLScriptElement) {
    const { inbox = 'web', locale: wish, title = '', accent = '', identity = '', theme = 'auto' } = script.dataset;
    this.url = new URL(`/chat/${encodeURIComponent(inbox)}`, script.src);
    this.memory = new Memory(`payvand:${this.url.host}:${inbox}:`);
    this.identity = identity;
    const locale = localeOf(wish, document.documentElement.lang, navigator.language);
    this.texts = TEXTS[locale];
    const host = document.createElement('div');
    host.id = 'payvand-chat';
    document.body.append(host);
    this.view = new View(
      host,
      this.texts,
      {
        opened: () => void this.opened(),
        say: (text) => this.say(text),
        typed: () => this.typed(),
        introduced: (given, question) => this.introduced(given, question),
        attach: (file) => this.attach(file),
        address: (file) => this.address(file),
      },
      { title, accent, locale },
    );
    this.view.theme(theme);
    this.line = new Line(this.url.href, this.memory, {
      frame: (frame) => this.frame(frame),
      state: (state) => this.state(state),
      first: () => this.first(),
    });
    document.addEventListener('visibilitychange', () => this.see());
    // Who was named by the site is somebody else once the site names nobody.
    if (this.memory.identified && !identity) this.memory.forget();
    this.newcomer = !this.memory.token;
    for (const message of this.memory.pending) this.showMine(message, 'pending');
    // Somebody who has written before is connected at once, to see what was answered; others when they open the chat.
    if (this.memory.token && identity !== LATER) {
      this.line.open();
      void this.learn();
    }
    if (script.dataset.open === 'true') this.view.toggle(true);
  }

  open(): void {
    if (!this.view.isOpen) this.view.toggle(true);
  }

  close(): void {
    if (this.view.isOpen) this.view.toggle(false);
  }

  /** The site says who is logged in. */
  identify(identity: string): void {
    if (!identity || identity === this.identity) return;
    this.identity = identity;
    if (this.line.isOpen) this.line.reopen();
    else if (this.memory.token || this.view.isOpen) this.line.open();
    this.ask();
  }

  /** Nobody is logged in any more: what follows is of a new visitor. */
  logout(): void {
    this.identity = '';
    this.anew(this.view.isOpen);
  }

  private anew(connect: boolean): void {
    this.mine.clear();
    this.unseen.clear();
    this.uploads = [];
    this.view.clear();
    this.view.unread(0);
    this.newcomer = true;
    this.line.renew(connect);
    this.ask();
  }

  /** Once: what the inbox asks and offers. */
  private learn(): Promise<void> {
    return (this.asked ??= (async () => {
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(), CONFIG_WITHIN);
      try {
        const answer = await fetch(`${this.url.href}/config`, { credentials: 'omit', signal: stop.signal });
        if (answer.ok) this.config = { ...USUAL, ...((await answer.json()) as Config) };
        else this.asked = undefined;
      } catch {
        this.asked = undefined;
      }
      clearTimeout(timer);
      if (!this.script.dataset.theme) this.view.theme(this.config.theme);
      this.view.away(!this.config.here);
    })());
  }

  private async opened(): Promise<void> {
    if (this.identity !== LATER) this.line.open();
    this.see();
    await this.learn();
    this.ask();
    this.askLink();
  }

  /** Show the form if there is something to be asked. */
  private ask(): void {
    const { prechat, here } = this.config;
    const known = this.memory.introduction;
    const named = !!this.identity && this.identity !== LATER && this.config.identity;
    const away = !here && !named && !known?.email;
    const asked = Object.values(prechat);
    // Who comes back without having answered is asked again only for what is needed.
    const due = asked.includes('required') || (this.newcomer && asked.includes('optional'));
    const first = due && known === null && !named && this.script.dataset.prechat !== 'off';
    if (!first && !away) this.view.ask(null);
    else this.view.ask({ ...(first ? prechat : { name: 'no', question: 'no' }), email: away ? 'required' : prechat.email, away });
  }

  private introduced(given: Introduction, question: string): void {
    this.memory.introduction = { ...this.memory.introduction, ...given };
    const { name, email } = this.memory.introduction;
    if (name || email) this.line.tell({ kind: 'introduce', ...this.memory.introduction });
    if (question) this.say(question);
    this.view.ask(null);
    this.open();
    this.view.focus();
  }

  private first(): ClientFrame[] {
    const frames: ClientFrame[] = [];
    const { name, email } = this.memory.introduction ?? {};
    if (this.identity && this.identity !== LATER) frames.push({ kind: 'identify', identity: this.identity });
    if (name || email) frames.push({ kind: 'introduce', ...this.memory.introduction });
    return frames;
  }

  private compose(text: string): VisitorMessage {
    const { name, email } = this.memory.introduction ?? {};
    const message: VisitorMessage = { kind: 'message', id: uuid(), text, at: new Date().toISOString(), page: location.href.slice(0, 1000) };
    if (name) message.name = name;
    if (email) message.email = email;
    return message;
  }

  private say(text: string): void {
    const message = this.compose(text);
    this.showMine(message, 'pending');
    this.line.say(message);
  }

  private attach(file: File): void {
    if (file.size > this.config.max_file) {
      this.view.warn(this.texts.fileTooLarge(this.view.size(this.config.max_file)));
      return;
    }
    const message = this.compose(file.name.slice(0, 200) || 'file');
    this.showMine(message, 'pending');
    this.uploads.push({ message, file });
    this.line.open();
    this.upload();
  }

  /** Send the files that wait, one after the other. */
  private upload(): void {
    const one = this.line.isOpen ? this.uploads.shift() : undefined;
    if (!one) return;
    const address = new URL(`${this.url.href}/files`);
    address.searchParams.set('id', one.message.id);
    address.searchParams.set('name', one.message.text);
    const headers = { authorization: `Bearer ${this.memory.token}`, 'content-type': one.file.type || 'application/octet-stream' };
    fetch(address, { method: 'POST', body: one.file, headers, credentials: 'omit' }).then(
      (answer) => {
        if (answer.ok) this.settle(one.message.id, 'sent');
        else if (answer.status === 503 || answer.status === 401) this.later(one);
        else {
          this.settle(one.message.id, 'failed');
          if (answer.status === 429) this.view.warn(this.texts.tooMany);
          if (answer.status === 413) this.view.warn(this.texts.fileTooLarge(this.view.size(this.config.max_file)));
        }
        this.upload();
      },
      () => this.later(one),
    );
  }

  private later(one: Upload): void {
    setTimeout(() => {
      this.uploads.unshift(one);
      this.upload();
    }, 5_000);
  }

  private address(file: ShownFile): string {
    const address = new URL(file.url, this.url);
    address.searchParams.set('token', this.memory.token);
    return address.href;
  }

  private typed(): void {
    const now = Date.now();
    if (now - this.lastTyping < TYPING_EVERY) return;
    this.lastTyping = now;
    this.line.tell({ kind: 'typing' });
  }

  private askLink(): void {
    const now = Date.now();
    if (!this.config.telegram || !this.line.isOpen || !this.view.isOpen || now - this.lastLink < LINK_EVERY) return;
    this.lastLink = now;
    this.line.tell({ kind: 'link' });
    setTimeout(() => this.askLink(), LINK_EVERY);
  }

  private frame(frame: ServerFrame): void {
    if (frame.kind === 'welcome') {
      this.view.seen(frame.seen ?? 0);
      if (frame.here !== undefined && frame.here !== this.config.here) {
        this.config = { ...this.config, here: frame.here };
        this.view.away(!frame.here);
        if (this.view.isOpen) this.ask();
      }
      this.askLink();
    } else if (frame.kind === 'message') this.message(frame);
    else if (frame.kind === 'ack') this.settle(frame.id, 'sent', frame.seq);
    else if (frame.kind === 'seen') this.view.seen(frame.seq);
    else if (frame.kind === 'typing') this.view.mark(true);
    else if (frame.kind === 'link') this.view.goOn(frame.url);
    else if (frame.kind === 'identified') {
      this.memory.identified = true;
      this.upload();
    } else if (frame.kind === 'error') this.refused(frame.code, frame.id);
  }

  private message(frame: ServerFrame & { kind: 'message' }): void {
    if (frame.from === 'visitor') {
      this.mine.delete(frame.id);
      this.view.show({ ...frame, at: new Date(frame.at), delivery: 'sent' });
      return;
    }
    this.view.show({ ...frame, at: new Date(frame.at) });
    // Who answers has read what was said before.
    this.view.seen(frame.seq);
    this.line.tell({ kind: 'received', id: frame.id });
    this.unseen.add(frame.id);
    this.see();
  }

  private refused(code: string, id: string | undefined): void {
    if (id && hopeless(code)) this.settle(id, 'failed');
    if (code === 'too-many') this.view.warn(this.texts.tooMany);
    if (code === 'another-person') this.anew(true);
  }

  private state(state: LineState): void {
    this.view.warn(state === 'waiting' ? this.texts.offline : state === 'connecting' ? this.texts.connecting : '');
    if (state === 'open') this.upload();
  }

  private showMine(message: VisitorMessage, delivery: Delivery, seq?: number): void {
    this.mine.set(message.id, message);
    const place = seq === undefined ? {} : { seq };
    this.view.show({ id: message.id, from: 'visitor', text: message.text, at: new Date(message.at), delivery, ...place });
  }

  private settle(id: string, delivery: Delivery, seq?: number): void {
    const message = this.mine.get(id);
    if (message) this.showMine(message, delivery, seq);
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

/** What the page may call: `PayvandChat.open()`, `.close()`, `.identify(token)`, `.logout()`. */
function begin(script: HTMLScriptElement): void {
  const chat = new Chat(script);
  const face = {
    open: () => chat.open(),
    close: () => chat.close(),
    identify: (identity: string) => chat.identify(identity),
    logout: () => chat.logout(),
  };
  Object.assign(window, { PayvandChat: Object.freeze(face) });
  dispatchEvent(new Event('payvand-chat'));
}

const script = document.currentScript;
if (script instanceof HTMLScriptElement && !document.getElementById('payvand-chat')) {
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', () => begin(script));
  else begin(script);
}
