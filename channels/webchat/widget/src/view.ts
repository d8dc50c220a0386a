// What the visitor sees. Knows nothing of sockets.

import { BUBBLE, CLIP, CROSS, PLANE, element, icon, linked, named } from './elements';
import { MAX_TEXT, type Asked, type ShownFile } from './frames';
import type { Introduction } from './memory';
import { STYLES } from './styles';
import type { Texts } from './texts';

export type Delivery = 'pending' | 'sent' | 'failed';

export interface Shown {
  id: string;
  from: 'agent' | 'visitor';
  text: string;
  author?: string | undefined;
  at: Date;
  delivery?: Delivery;
  seq?: number;
  attachments?: ShownFile[] | undefined;
}

/** What the form asks; `away`: nobody is there to answer soon. */
export interface Questions {
  name: Asked;
  email: Asked;
  question: Asked;
  away: boolean;
}

export interface Actions {
  opened(): void;
  say(text: string): void;
  typed(): void;
  introduced(introduction: Introduction, question: string): void;
  attach(file: File): void;
  /** The address under which the browser may load a file of the hub's. */
  address(file: ShownFile): string;
}

export class View {
  private readonly root: HTMLElement;
  private readonly launcher: HTMLButtonElement;
  private readonly badge = element('span', { class: 'badge', 'aria-hidden': 'true', hidden: '' });
  private readonly panel: HTMLElement;
  private readonly log: HTMLElement;
  private readonly notice = element('div', { class: 'notice', role: 'status', ...named('pv-status'), hidden: '' });
  private readonly input: HTMLTextAreaElement;
  private readonly send: HTMLButtonElement;
  private readonly compose: HTMLFormElement;
  private readonly intro = element('form', { class: 'intro', hidden: '', ...named('pv-introduction') });
  private readonly picker = element('input', { type: 'file', multiple: '', hidden: '', ...named('pv-file') });
  private readonly telegram = element('a', { class: 'telegram', target: '_blank', rel: 'noopener noreferrer', hidden: '', ...named('pv-telegram') });
  private readonly shadow: ShadowRoot;
  private readonly rows = new Map<string, HTMLElement>();
  private readonly shown = new Map<string, Shown>();
  private readUpTo = 0;
  private readonly clock: Intl.DateTimeFormat;
  private readonly count: Intl.NumberFormat;
  private typing: number | undefined;
  private trouble = '';

  constructor(
    private readonly host: HTMLElement,
    private readonly texts: Texts,
    private readonly actions: Actions,
    options: { title: string; accent: string; locale: string },
  ) {
    const shadow = (this.shadow = host.attachShadow({ mode: 'open' }));
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
    shadow.adoptedStyleSheets = [sheet];
    this.clock = new Intl.DateTimeFormat(texts.number, { hour: '2-digit', minute: '2-digit' });
    this.count = new Intl.NumberFormat(texts.number);

    this.launcher = element('button', { class: 'launcher', type: 'button', 'aria-expanded': 'false', ...named('pv-launcher') });
    this.launcher.append(icon(BUBBLE, 26), this.badge);
    this.log = element('div', { class: 'log', role: 'log', 'aria-live': 'polite', tabindex: '0', 'aria-label': texts.conversation, ...named('pv-log') });
    this.input = element('textarea', { rows: '1', maxlength: String(MAX_TEXT), placeholder: texts.placeholder, 'aria-label': texts.placeholder, ...named('pv-input') });
    this.send = element('button', { class: 'send', type: 'submit', 'aria-label': texts.send, ...named('pv-send') }, icon(PLANE, 20));
    const attach = element('button', { class: 'attach', type: 'button', 'aria-label': texts.attach, title: texts.attach, ...named('pv-attach') }, icon(CLIP, 20));
    attach.addEventListener('click', () => this.picker.click());
    this.compose = element('form', { class: 'compose', hidden: '' }, attach, this.picker, this.input, this.send);
    this.telegram.textContent = texts.telegram;
    this.panel = this.dialog(options.title || texts.title);
    this.root = element('div', { class: 'root', dir: texts.direction, lang: options.locale }, this.panel, this.launcher);
    shadow.append(this.root);
    if (options.accent && CSS.supports('color', options.accent)) this.tint(options.accent);
    this.listen();
    this.unread(0);
    this.show({ id: 'greeting', from: 'agent', text: texts.greeting, at: new Date() });
  }

  get isOpen(): boolean {
    return !this.panel.hidden;
  }

  toggle(open: boolean): void {
    this.panel.hidden = !open;
    this.launcher.setAttribute('aria-expanded', String(open));
    if (open) {
      this.panel.focus();
      this.actions.opened();
      this.scroll(true);
      this.focus();
    } else this.launcher.focus();
  }

  theme(wish: string): void {
    this.host.dataset.theme = wish === 'dark' || wish === 'light' ? wish : 'auto';
  }

  /** Ask who is there, or (null) let them write. */
  ask(questions: Questions | null): void {
    const was = this.intro.hidden && this.compose.hidden;
    if (questions) this.introduction(questions);
    this.intro.hidden = !questions;
    this.compose.hidden = !!questions;
    if (this.isOpen && (was || questions)) this.focus();
  }

  /** A line that stays: nobody is here. */
  away(away: boolean): void {
    if (away) this.show({ id: 'away', from: 'agent', text: this.texts.away, at: new Date() });
    else this.remove('away');
  }

  goOn(url: string | undefined): void {
    this.telegram.hidden = !url?.startsWith('https://t.me/');
    if (url) this.telegram.href = url;
  }

  /** Forget all that was said. */
  clear(): void {
    for (const id of [...this.rows.keys()]) if (id !== 'greeting') this.remove(id);
    this.readUpTo = 0;
    this.goOn(undefined);
  }

  remove(id: string): void {
    this.rows.get(id)?.remove();
    this.rows.delete(id);
    this.shown.delete(id);
  }

  /** The visitor's messages up to this place were read. */
  seen(seq: number): void {
    if (seq <= this.readUpTo) return;
    this.readUpTo = seq;
    for (const [id, message] of this.shown) {
      const row = message.from === 'visitor' && (message.seq ?? Infinity) <= seq ? this.rows.get(id) : undefined;
      if (!row || row.dataset.read) continue;
      const made = this.row(message);
      row.replaceWith(made);
      this.rows.set(id, made);
    }
  }

  focus(): void {
    if (!this.intro.hidden) this.intro.querySelector<HTMLElement>('input, textarea')?.focus();
    else if (!this.compose.hidden) this.input.focus();
  }

  /** The site's own colour, and letters on it that can be read. */
  private tint(accent: string): void {
    this.host.style.setProperty('--pv-accent', accent);
    const [r = 0, g = 0, b = 0] = (getComputedStyle(this.launcher).backgroundColor.match(/[\d.]+/g) ?? []).map((part) => {
      const share = Number(part) / 255;
      return share <= 0.04 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    this.host.style.setProperty('--pv-on-accent', 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? '#08111f' : '#fff');
  }

  unread(count: number): void {
    this.badge.hidden = count === 0;
    this.badge.textContent = this.count.format(count);
    const label = count ? `${this.texts.open}. ${this.texts.unread(this.count.format(count))}` : this.texts.open;
    this.launcher.setAttribute('aria-label', label);
  }

  /** Add a message, or bring the one with this id up to date. */
  show(message: Shown): void {
    this.mark(false);
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80;
    const row = this.row(message);
    const old = this.rows.get(message.id);
    if (old) old.replaceWith(row);
    else this.log.append(row);
    this.rows.set(message.id, row);
    this.shown.set(message.id, message);
    this.scroll(atEnd || message.from === 'visitor');
  }

  /** Somebody at the other end types. */
  mark(typing: boolean): void {
    clearTimeout(this.typing);
    if (typing) this.typing = setTimeout(() => this.mark(false), 5_000);
    this.say(this.trouble || (typing ? this.texts.typing : ''));
  }

  /** A line about the connection; empty when all is well. */
  warn(text: string): void {
    this.trouble = text;
    this.say(text);
  }

  private say(text: string): void {
    if (this.notice.textContent !== text) this.notice.textContent = text;
    this.notice.hidden = !text;
  }

  private scroll(wanted: boolean): void {
    if (wanted) this.log.scrollTop = this.log.scrollHeight;
  }

  private row(message: Shown): HTMLElement {
    const { texts } = this;
    const who = message.from === 'visitor' ? texts.you : (message.author ?? texts.agent);
    const read = message.delivery === 'sent' && (message.seq ?? Infinity) <= this.readUpTo;
    const state = read ? texts.read : message.delivery && { pending: texts.sending, sent: texts.sent, failed: texts.failed }[message.delivery];
    const meta = element('span', { class: 'meta' });
    if (message.seq !== undefined || message.delivery) meta.append([message.from === 'agent' ? who : '', this.clock.format(message.at), state].filter(Boolean).join(' · '));
    return element(
      'div',
      { class: `message ${message.from} ${message.delivery ?? ''}`, 'data-state': message.delivery ?? '', 'data-from': message.from, ...(read ? { 'data-read': 'true' } : {}), ...named('pv-message') },
      element('span', { class: 'hidden-label' }, `${who}: `),
      element('div', { class: 'bubble', dir: 'auto' }, ...this.content(message)),
      meta,
    );
  }

  private content({ text, attachments = [] }: Shown): (Node | string)[] {
    const files = attachments.map((file) => this.file(file));
    // A file that was sent without a word carries its name as its text.
    return attachments.some((file) => file.name === text) ? files : [...linked(text), ...files];
  }

  private file(file: ShownFile): HTMLElement {
    const url = this.actions.address(file);
    const kind = file.media_type.split('/')[0];
    if (kind === 'audio') return element('audio', { controls: '', preload: 'none', src: url, 'aria-label': file.name });
    // Apart, so that neither turns the other round.
    const name = [element('bdi', {}, file.name), ' ', element('bdi', {}, `(${this.size(file.size)})`)];
    const link = element('a', { class: 'file', href: url, target: '_blank', rel: 'noopener noreferrer', ...named('pv-attachment') }, ...name);
    if (kind !== 'image') return link;
    const picture = element('img', { src: url, alt: file.name, loading: 'lazy', referrerpolicy: 'no-referrer' });
    picture.addEventListener('load', () => this.scroll(this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 320));
    picture.addEventListener('error', () => link.replaceChildren(...name));
    link.replaceChildren(picture);
    return link;
  }

  size(bytes: number): string {
    const unit = bytes < 1_000_000 ? 'kilobyte' : 'megabyte';
    const value = Math.max(0.1, bytes / (unit === 'kilobyte' ? 1024 : 1024 * 1024));
    return new Intl.NumberFormat(this.texts.number, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
  }

  private dialog(title: string): HTMLElement {
    const close = element('button', { class: 'close', type: 'button', 'aria-label': this.texts.close, ...named('pv-close') }, icon(CROSS, 20));
    close.addEventListener('click', () => this.toggle(false));
    const heading = element('div', {}, element('h2', { id: 'pv-title' }, title), element('p', {}, this.texts.subtitle));
    return element(
      'section',
      { class: 'panel', role: 'dialog', 'aria-modal': 'true', 'aria-labelledby': 'pv-title', tabindex: '-1', hidden: '', ...named('pv-panel') },
      element('header', {}, heading, close),
      this.log,
      this.notice,
      this.telegram,
      this.intro,
      this.compose,
    );
  }

  private introduction(questions: Questions): void {
    const { texts } = this;
    const needed = [questions.name, questions.email, questions.question].includes('required');
    const field = (name: 'name' | 'email' | 'question', type: string, max: number): Node | string => {
      const asked = questions[name];
      if (asked === 'no') return '';
      const attributes: Record<string, string> = { name, maxlength: String(max), autocomplete: name === 'question' ? 'off' : name, dir: name === 'email' ? 'ltr' : 'auto', ...named(`pv-${name}`) };
      if (asked === 'required') attributes.required = '';
      const box = name === 'question' ? element('textarea', { rows: '3', ...attributes }) : element('input', { type, ...attributes });
      return element('label', {}, `${texts[name]} (${asked === 'required' ? texts.required : texts.optional})`, box);
    };
    const skip = element('button', { type: 'button', ...named('pv-skip') }, texts.skip);
    const start = element('button', { class: 'start', type: 'submit', ...named('pv-start') }, texts.start);
    skip.addEventListener('click', () => this.actions.introduced({}, ''));
    this.intro.replaceChildren(
      element('p', {}, questions.away ? texts.away : needed ? texts.askFirst : texts.introduce),
      field('name', 'text', 200),
      field('email', 'email', 254),
      field('question', '', MAX_TEXT),
      element('div', {}, ...(needed ? [start] : [skip, start])),
    );
  }

  private answered(): void {
    const value = (name: string) => this.intro.querySelector<HTMLInputElement | HTMLTextAreaElement>(`[name=${name}]`)?.value.trim() ?? '';
    const given: Introduction = {};
    for (const name of ['name', 'email'] as const) if (value(name)) given[name] = value(name);
    this.actions.introduced(given, value('question'));
  }

  /** Tab goes round within the open dialog. */
  private trap(event: KeyboardEvent): void {
    const stops = [...this.panel.querySelectorAll<HTMLElement>('button, a[href], input:not([type=file]), textarea, audio, [tabindex="0"]')].filter(
      (one) => one.getClientRects().length > 0 && !one.hasAttribute('disabled'),
    );
    const [first, last] = [stops[0], stops[stops.length - 1]];
    const at = this.shadow.activeElement;
    const [edge, other] = event.shiftKey ? [first, last] : [last, first];
    if (at === edge || at === this.panel) {
      event.preventDefault();
      other?.focus();
    }
  }

  private listen(): void {
    this.launcher.addEventListener('click', () => this.toggle(!this.isOpen));
    this.panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        this.toggle(false);
      } else if (event.key === 'Tab') this.trap(event);
    });
    this.intro.addEventListener('submit', (event) => {
      event.preventDefault();
      this.answered();
    });
    this.picker.addEventListener('change', () => {
      this.attach(this.picker.files);
      this.picker.value = '';
    });
    this.input.addEventListener('paste', (event) => {
      if (event.clipboardData?.files.length) {
        event.preventDefault();
        this.attach(event.clipboardData.files);
      }
    });
    for (const kind of ['dragover', 'dragleave', 'drop'] as const) this.panel.addEventListener(kind, (event) => this.dragged(event));
    this.input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.compose.requestSubmit();
      }
    });
    this.input.addEventListener('input', () => {
      this.grow();
      this.actions.typed();
    });
    this.compose.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.input.value.trim();
      if (!text) return;
      this.input.value = '';
      this.grow();
      this.actions.say(text);
      this.input.focus();
    });
    this.grow();
  }

  private attach(files: FileList | null | undefined): void {
    if (!this.compose.hidden) for (const file of files ?? []) this.actions.attach(file);
    this.input.focus();
  }

  private dragged(event: DragEvent): void {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    this.panel.classList.toggle('drop', event.type === 'dragover');
    if (event.type === 'drop') this.attach(event.dataTransfer.files);
  }

  private grow(): void {
    this.send.disabled = !this.input.value.trim();
    // `auto` would put the placeholder of an empty field to the left.
    this.input.dir = this.input.value ? 'auto' : this.texts.direction;
    this.input.style.blockSize = 'auto';
    if (this.input.value) this.input.style.blockSize = `${Math.min(120, this.input.scrollHeight + 2)}px`;
  }
}
