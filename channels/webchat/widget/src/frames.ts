// The frames of the socket; channels/webchat/frames.py is the source of truth.

export interface ShownFile {
  name: string;
  media_type: string;
  size: number;
  url: string;
}

export interface ShownMessage {
  kind: 'message';
  seq: number;
  id: string;
  from: 'agent' | 'visitor';
  text: string;
  author?: string;
  at: string;
  attachments?: ShownFile[];
}

export type ServerFrame =
  | { kind: 'welcome'; token: string; visitor_id: string; seq: number; here?: boolean; seen?: number }
  | ShownMessage
  | { kind: 'ack'; id: string; interaction_id: string; seq?: number }
  | { kind: 'seen'; seq: number }
  | { kind: 'identified' }
  | { kind: 'link'; url?: string }
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
  | { kind: 'introduce'; name?: string; email?: string }
  | { kind: 'identify'; identity: string }
  | { kind: 'link' }
  | { kind: 'typing' }
  | { kind: 'ping' };

export const MAX_TEXT = 4000;

export type Asked = 'no' | 'optional' | 'required';

/** What `GET /chat/{inbox}/config` tells. */
export interface Config {
  prechat: { name: Asked; email: Asked; question: Asked };
  here: boolean;
  identity: boolean;
  telegram: boolean;
  theme: 'auto' | 'light' | 'dark';
  max_file: number;
}

/** Holds until the hub has told, and where it cannot. */
export const USUAL: Config = {
  prechat: { name: 'optional', email: 'optional', question: 'no' },
  here: true,
  identity: false,
  telegram: false,
  theme: 'auto',
  max_file: 20 * 1024 * 1024,
};
