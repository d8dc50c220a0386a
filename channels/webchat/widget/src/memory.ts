// What the browser keeps between pages: the visitor's token, messages not yet acknowledged, the answers to the form.
// Storage may be forbidden; then it lasts as long as the page.

import type { VisitorMessage } from './frames';

const MAX_PENDING = 20;

export interface Introduction {
  name?: string;
  email?: string;
}

export class Memory {
  private readonly fallback = new Map<string, string>();

  constructor(private readonly prefix: string) {}

  get token(): string {
    return this.read('token') ?? '';
  }

  set token(value: string) {
    this.write('token', value);
  }

  get pending(): VisitorMessage[] {
    return this.parsed<VisitorMessage[]>('pending', []);
  }

  set pending(messages: VisitorMessage[]) {
    this.write('pending', JSON.stringify(messages.slice(-MAX_PENDING)));
  }

  /** null: the form was neither filled in nor skipped. */
  get introduction(): Introduction | null {
    return this.parsed<Introduction | null>('introduction', null);
  }

  set introduction(value: Introduction | null) {
    this.write('introduction', JSON.stringify(value));
  }

  /** Whether the visitor was named by the site's signed identity. */
  get identified(): boolean {
    return this.read('identified') === '1';
  }

  set identified(value: boolean) {
    this.write('identified', value ? '1' : '');
  }

  /** Everything of this visitor. */
  forget(): void {
    for (const name of ['token', 'pending', 'introduction', 'identified']) this.write(name, '');
  }

  private parsed<T>(name: string, otherwise: T): T {
    try {
      return (JSON.parse(this.read(name) || 'null') as T | null) ?? otherwise;
    } catch {
      return otherwise;
    }
  }

  private read(name: string): string | null {
    try {
      return localStorage.getItem(this.prefix + name);
    } catch {
      return this.fallback.get(name) ?? null;
    }
  }

  private write(name: string, value: string): void {
    try {
      localStorage.setItem(this.prefix + name, value);
    } catch {
      this.fallback.set(name, value);
    }
  }
}
