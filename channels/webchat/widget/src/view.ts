// What the visitor sees. Knows nothing of sockets.

import { BUBBLE, CROSS, PLANE, element, icon, linked, named } from './elements';
import { MAX_TEXT } from './frames';
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
}

export interface Actions {
  opened(): void;
  say(text: string): void;
  typed(): void;
  introduced(introduction: Introduction): void;
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
  private readonly intro: HTMLFormElement;
  private readonly rows = new Map<string, HTMLElement>();
  private readonly clock: Intl.DateTimeFormat;
  private readonly count: Intl.NumberFormat;
  private typing: number | undefined;
  private trouble = '';

  constructor(
    host: HTMLElement,
    private readonly texts: Texts,
    private readonly actions: Actions,
    options: { title: string; accent: string; locale: string },
  ) {
    const shadow = host.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
    shadow.adoptedStyleSheets = [sheet];
    if (options.accent && CSS.supports('color', options.accent)) host.style.setProperty('--pv-accent', options.accent);
    this.clock = new Intl.DateTimeFormat(texts.number, { hour: '2-digit', minute: '2-digit' });
    this.count = new Intl.NumberFormat(texts.number);

    this.launcher = element('button', { class: 'launcher', type: 'button', 'aria-expanded': 'false', ...named('pv-launcher') });
    this.launcher.append(icon(BUBBLE, 26), this.badge);
    this.log = element('div', { class: 'log', role: 'log', 'aria-live': 'polite', tabindex: '0', 'aria-label': texts.conversation, ...named('pv-log') });
    this.input = element('textarea', { rows: '1', maxlength: String(MAX_TEXT), placeholder: texts.placeholder, 'aria-label': texts.placeholder, ...named('pv-input') });
    this.send = element('button', { class: 'send', type: 'submit', 'aria-label': texts.send, ...named('pv-send') }, icon(PLANE, 20));
    this.compose = element('form', { class: 'compose' }, this.input, this.send);
    this.intro = this.introduction();
    this.panel = this.dialog(options.title || texts.title);
    this.root = element('div', { class: 'root', dir: texts.direction, lang: options.locale }, this.panel, this.launcher);
    shadow.append(this.root);
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
      this.actions.opened();
      this.scroll(true);
      (this.intro.hidden ? this.input : this.intro.querySelector('input'))?.focus();
    } else this.launcher.focus();
  }

  askIntroduction(ask: boolean): void {
    this.intro.hidden = !ask;
    this.compose.hidden = ask;
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
    const state = message.delivery && { pending: texts.sending, sent: texts.sent, failed: texts.failed }[message.delivery];
    const meta = element('span', { class: 'meta' });
    if (message.id !== 'greeting') meta.append([message.from === 'agent' ? who : '', this.clock.format(message.at), state].filter(Boolean).join(' · '));
    return element(
      'div',
      { class: `message ${message.from} ${message.delivery ?? ''}`, 'data-state': message.delivery ?? '', 'data-from': message.from, ...named('pv-message') },
      element('span', { class: 'hidden-label' }, `${who}: `),
      element('div', { class: 'bubble', dir: 'auto' }, ...linked(message.text)),
      meta,
    );
  }

  private dialog(title: string): HTMLElement {
    const close = element('button', { class: 'close', type: 'button', 'aria-label': this.texts.close, ...named('pv-close') }, icon(CROSS, 20));
    close.addEventListener('click', () => this.toggle(false));
    const heading = element('div', {}, element('h2', { id: 'pv-title' }, title), element('p', {}, this.texts.subtitle));
    return element(
      'section',
      { class: 'panel', role: 'dialog', 'aria-labelledby': 'pv-title', hidden: '', ...named('pv-panel') },
      element('header', {}, heading, close),
      this.log,
      this.notice,
      this.intro,
      this.compose,
    );
  }

  private introduction(): HTMLFormElement {
    const { texts } = this;
    const field = (name: string, label: string, type: string, max: string) =>
      element('label', {}, `${label} (${texts.optional})`, element('input', { name, type, maxlength: max, autocomplete: name, dir: name === 'email' ? 'ltr' : texts.direction, ...named(`pv-${name}`) }));
    const skip = element('button', { type: 'button', ...named('pv-skip') }, texts.skip);
    const start = element('button', { class: 'start', type: 'submit', ...named('pv-start') }, texts.start);
    const form = element(
      'form',
      { class: 'intro', hidden: '', ...named('pv-introduction') },
      element('p', {}, texts.introduce),
      field('name', texts.name, 'text', '200'),
      field('email', texts.email, 'email', '254'),
      element('div', {}, skip, start),
    );
    const done = (introduction: Introduction) => {
      this.askIntroduction(false);
      this.actions.introduced(introduction);
      this.input.focus();
    };
    skip.addEventListener('click', () => done({}));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const given: Introduction = {};
      for (const name of ['name', 'email'] as const) {
        const value = form.querySelector<HTMLInputElement>(`[name=${name}]`)?.value.trim();
        if (value) given[name] = value;
      }
      done(given);
    });
    return form;
  }

  private listen(): void {
    this.launcher.addEventListener('click', () => this.toggle(!this.isOpen));
    this.panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.toggle(false);
    });
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

  private grow(): void {
    this.send.disabled = !this.input.value.trim();
    // `auto` would put the placeholder of an empty field to the left.
    this.input.dir = this.input.value ? 'auto' : this.texts.direction;
    this.input.style.blockSize = 'auto';
    if (this.input.value) this.input.style.blockSize = `${Math.min(120, this.input.scrollHeight + 2)}px`;
  }
}
