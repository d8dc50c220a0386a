// Two ways to the hub with one face: a WebSocket, and plain requests for networks that let no WebSocket through.

import type { ClientFrame, ServerFrame } from './frames';

export interface Ends {
  heard(frame: ServerFrame): void;
  closed(): void;
}

export interface Transport {
  send(frame: ClientFrame): void;
  close(): void;
}

export interface Place {
  /** `https://hub.example/chat/web` */
  url: string;
  token: string;
  after: number;
}

function frameOf(data: string): ServerFrame | null {
  try {
    return JSON.parse(data) as ServerFrame;
  } catch {
    return null;
  }
}

export function socket(place: Place, ends: Ends): Transport {
  const address = new URL(place.url);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  if (place.token) address.searchParams.set('token', place.token);
  address.searchParams.set('after', String(place.after));
  const line = new WebSocket(address);
  line.onmessage = (event) => {
    const frame = frameOf(String(event.data));
    if (frame) ends.heard(frame);
  };
  line.onclose = () => ends.closed();
  return {
    send: (frame) => {
      if (line.readyState === WebSocket.OPEN) line.send(JSON.stringify(frame));
    },
    close: () => line.close(),
  };
}

/** Asks again and again; each answer waits at the hub for something new. */
export function polling(place: Place, ends: Ends): Transport {
  const stop = new AbortController();
  let { token, after } = place;
  let welcomed = false;
  let sending: Promise<void> = Promise.resolve();
  const end = () => {
    if (stop.signal.aborted) return;
    stop.abort();
    ends.closed();
  };
  const ask = async (query: string, options: RequestInit = {}): Promise<ServerFrame[]> => {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const answer = await fetch(`${place.url}/messages${query}`, { ...options, headers, signal: stop.signal, credentials: 'omit', cache: 'no-store' });
    if (answer.status === 401) return [{ kind: 'error', code: 'not-verified', message: '' }];
    if (!answer.ok) throw new Error(String(answer.status));
    return ((await answer.json()) as { frames: ServerFrame[] }).frames;
  };
  const take = (frames: ServerFrame[]) => {
    for (const frame of frames) {
      if (frame.kind === 'welcome') {
        token = frame.token;
        if (frame.seen) ends.heard({ kind: 'seen', seq: frame.seen });
        if (welcomed) {
          ends.heard({ kind: 'pong' });
          continue;
        }
        welcomed = true;
      }
      if (frame.kind === 'message') after = Math.max(after, frame.seq);
      ends.heard(frame);
      if (frame.kind === 'error' && frame.code === 'not-verified') end();
    }
  };
  const listen = async () => {
    while (!stop.signal.aborted) take(await ask(`?after=${after}&wait=${welcomed ? 25 : 0}`));
  };
  listen().catch(end);
  return {
    send: (frame) => {
      if (frame.kind === 'ping') return;
      // One after the other, as over a socket.
      sending = sending.then(() => ask('', { method: 'POST', body: JSON.stringify(frame) }).then(take)).catch(end);
    },
    close: end,
  };
}
