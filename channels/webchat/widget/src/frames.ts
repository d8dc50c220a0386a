// The frames of the socket; channels/webchat/frames.py is the source of truth.

export interface ShownMessage {
  kind: 'message';
  seq: number;
  id: string;
  from: 'agent' | 'visitor';
  text: string;
  author?: string;
  at: string;
}

export type ServerFrame =
  | { kind: 'welcome'; token: string; visitor_id: string; seq: number }
  | ShownMessage
  | { kind: 'ack'; id: string; interaction_id: string; seq?: number }
  | { kind: 'typing' }
  | { kind: 'pong' }
  | { kind: 'error'; code: string; message: string; id?: string };

export interface VisitorMessage {
  kind: 'message';
  id: string;
  text: string;
  at: string;
  name?: string;
  email?: string;
  page?: string;
}

export type ClientFrame =
  | VisitorMessage
  | { kind: 'received'; id: string }
  | { kind: 'read'; id: string }
  | { kind: 'typing' }
  | { kind: 'ping' };

export const MAX_TEXT = 4000;
