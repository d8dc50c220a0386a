// Small helpers to build the page: text is always inserted as text.

type Attributes = Record<string, string>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Attributes by which styles and tests find a part from outside. */
export function named(name: string): Attributes {
  return { part: name, 'data-testid': name };
}

const SVG = 'http://www.w3.org/2000/svg';

export function icon(path: string, size: number): SVGSVGElement {
  const made = document.createElementNS(SVG, 'svg');
  const attributes: Attributes = { viewBox: '0 0 24 24', width: String(size), height: String(size), fill: 'none', 'aria-hidden': 'true' };
  const strokes: Attributes = { d: path, stroke: 'currentColor', 'stroke-width': '2', 'stroke-linecap': 'round', 'stroke-linejoin': 'round' };
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  const line = made.appendChild(document.createElementNS(SVG, 'path'));
  for (const [name, value] of Object.entries(strokes)) line.setAttribute(name, value);
  return made;
}

export const BUBBLE = 'M21 11.5a8.4 8.4 0 0 1-8.5 8.5 8.6 8.6 0 0 1-3.8-.9L3 21l1.9-5.7A8.4 8.4 0 0 1 12.5 3 8.4 8.4 0 0 1 21 11.5z';
export const CROSS = 'M6 6l12 12M18 6L6 18';
export const CLIP = 'M20 11.5l-8.2 8.2a5 5 0 0 1-7.1-7.1l8.6-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.5 8.5a1.7 1.7 0 0 1-2.4-2.4l7.8-7.7';
export const PLANE = 'M4 12h15M13 6l6 6-6 6';

const LINK = /https?:\/\/[^\s<>"]{1,500}[^\s<>".,;:!?)\]،؛]/g;

/** The text with its web addresses as links; nothing else of it is interpreted. */
export function linked(text: string): (Node | string)[] {
  const pieces: (Node | string)[] = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    pieces.push(text.slice(end, found.index));
    pieces.push(element('a', { href: found[0], target: '_blank', rel: 'noopener noreferrer nofollow' }, found[0]));
    end = (found.index ?? 0) + found[0].length;
  }
  pieces.push(text.slice(end));
  return pieces;
}
