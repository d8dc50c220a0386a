import type { ClientFrame, ConversationRow, Delivery, Item, LiveMessage, Presence, ReplyItem, WrapUp } from "../../src/api/types";
import { agents, ahead, contactOf, conversations, me, offer, queues, reason, timelines } from "./data";

let loggedIn = sessionStorage.getItem("fake-session") === "1";
let socket: FakeSocket | null = null;
let cursor = 0;
const wrapUps: WrapUp[] = [];
const offers = [] as ReturnType<typeof offer>[];

function push(message: LiveMessage): void {
  cursor += 1;
  socket?.deliver({ ...message, cursor });
}

class FakeSocket extends EventTarget {
  static readonly OPEN = 1;
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: MessageEvent<string>) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;

  constructor() {
    super();
    socket = this;
    setTimeout(() => {
      this.readyState = 1;
      this.onopen?.();
      this.deliver({ kind: "hello", cursor, data: { cursor } });
    }, 30);
    setInterval(() => this.deliver({ kind: "ping", cursor, data: {} }), 12_000);
  }

  deliver(frame: object): void {
    this.onmessage?.(new MessageEvent("message", { data: JSON.stringify(frame) }));
  }

  send(data: string): void {
    void (JSON.parse(data) as ClientFrame);
  }

  close(): void {
    this.readyState = 3;
    this.onclose?.(new CloseEvent("close"));
  }
}

function listed(search: URLSearchParams): ConversationRow[] {
  const q = (search.get("q") ?? "").toLowerCase();
  const queue = search.get("queue");
  return conversations.filter((row) => {
    if (queue && row.queue_id !== queue) return false;
    if (q && !`${row.contact_name} ${row.subject} ${row.preview}`.toLowerCase().includes(q)) return false;
    switch (search.get("view")) {
      case "mine": return row.state === "assigned" && row.assignee === me.agent_id;
      case "waiting": return row.state === "waiting" || row.state === "offered";
      case "resolved": return row.state === "resolved";
      default: return true;
    }
  });
}

function change(id: string, patch: Partial<ConversationRow>): void {
  const row = conversations.find((one) => one.conversation_id === id);
  if (row) push({ kind: "conversation", data: Object.assign(row, patch) });
}

function add(id: string, item: Item): Item {
  timelines.get(id)?.push(item);
  setTimeout(() => push({ kind: "item", data: { conversation_id: id, item } }), 40);
  return item;
}

function reply(id: string, text: string, channel: string | null): Item {
  const item: ReplyItem = { kind: "reply", direction: "out", item_id: crypto.randomUUID(), at: new Date().toISOString(), channel, author: me.name, text, delivery: null, attachments: [] };
  const step = (state: Delivery["state"], after: number): void => {
    setTimeout(() => push({ kind: "delivery", data: { conversation_id: id, reply_id: item.item_id, delivery: { state, channel: channel ?? "telegram", why: "The customer wrote here last, 4 minutes ago.", at: new Date().toISOString() } } }), after);
  };
  step("sending", 300);
  step("sent", 900);
  step("delivered", 1800);
  return add(id, item);
}

function conversationCall(method: string, id: string, rest: string, body: Record<string, string>): unknown {
  const row = conversations.find((one) => one.conversation_id === id);
  if (!row) return undefined;
  switch (`${method} ${rest}`) {
    case "GET ": return { conversation: row, contact: contactOf(row), timeline: timelines.get(id) };
    case "GET reply-options": return { channels: [
      { channel: "telegram", address_hint: "@leila", default: true, why: "The customer wrote here last, 4 minutes ago." },
      { channel: "email", address_hint: "le…@example.com", default: false, why: "Verified address." },
      { channel: "sms", address_hint: "+98 912 …84", default: false, why: "The last message did not arrive." },
    ], max_attachments: 10, max_attachment_bytes: 20 * 1024 ** 2 };
    case "GET explain": return { sentence: reason.sentence, placed: row.state === "assigned", reason, history: [
      { at: row.last_at, code: "queued", queue: "farsi", sentence: "Nobody who speaks Persian at level 3 was online.", reason: { ...reason, winner_because: "" } },
      { at: row.last_at, code: "assigned", agent: "sara", sentence: reason.sentence, reason },
    ] };
    case "POST replies": return reply(id, body.text ?? "", body.channel ?? null);
    case "POST notes": return add(id, { kind: "note", item_id: crypto.randomUUID(), at: new Date().toISOString(), author: me.name, text: body.text ?? "" });
    case "POST resolve":
      change(id, { state: "resolved" });
      wrapUps.push({ conversation_id: id, contact_name: row.contact_name ?? "", queue_id: row.queue_id ?? "", until: ahead(45) });
      push({ kind: "wrap-up", data: { conversation_id: id, until: ahead(45) } });
      return null;
    case "POST wrap-up": wrapUps.length = 0; return null;
    case "POST transfer": change(id, { state: "waiting", assignee: null, assignee_name: null }); return null;
    default: return undefined;
  }
}

function answer(method: string, path: string, search: URLSearchParams, body: Record<string, string>): unknown {
  const parts = path.replace("/api/", "").split("/");
  if (parts[0] === "conversations" && parts[1]) return conversationCall(method, parts[1], parts[2] ?? "", body);
  if (parts[0] === "offers" && parts[1]) {
    const at = offers.findIndex((one) => one.offer_id === parts[1]);
    const taken = offers.splice(at, 1)[0];
    if (taken && parts[2] === "accept") change(taken.conversation_id, { state: "assigned", assignee: me.agent_id, assignee_name: me.name });
    return null;
  }
  switch (`${method} ${path}`) {
    case "GET /api/session": return loggedIn ? me : 401;
    case "POST /api/session":
      if (body.password === "wrong") return 401;
      loggedIn = true;
      sessionStorage.setItem("fake-session", "1");
      return Object.assign(me, { locale: document.documentElement.lang });
    case "DELETE /api/session": loggedIn = false; sessionStorage.removeItem("fake-session"); return null;
    case "PATCH /api/session": return Object.assign(me, body);
    case "PUT /api/presence": Object.assign(me, { presence: body.state as Presence, not_responding: false, present_here: body.state !== "offline" }); return null;
    case "GET /api/wrap-ups": return wrapUps;
    case "POST /api/attachments": return { upload_id: crypto.randomUUID(), name: search.get("name"), media_type: "application/pdf", size: 4242 };
    case "GET /api/offers": return offers;
    case "GET /api/queues": return queues;
    case "GET /api/waits": return [];
    case "GET /api/agents": return agents;
    case "GET /api/conversations": return { items: listed(search), next_cursor: null };
    default: return undefined;
  }
}

declare global {
  interface Window {
    fakeDesk: { ring(): void; write(id: string, text: string): void; type(id: string): void; drop(): void; miss(): void };
  }
}

export function install(): void {
  window.fetch = async (input, init) => {
    const url = new URL(String(input), location.href);
    await new Promise((resolve) => setTimeout(resolve, 60));
    const body = typeof init?.body === "string" ? (JSON.parse(init.body) as Record<string, string>) : {};
    const result = answer(init?.method ?? "GET", url.pathname, url.searchParams, body);
    if (result === 401) return Response.json({ title: "Unauthorized", status: 401 }, { status: 401 });
    if (result === undefined) return Response.json({ title: "Not Found", status: 404 }, { status: 404 });
    return result === null ? new Response(null, { status: 202 }) : Response.json(result);
  };
  window.WebSocket = FakeSocket as unknown as typeof WebSocket;
  window.fakeDesk = {
    ring: () => {
      const one = offer();
      offers.push(one);
      push({ kind: "offer", data: one });
    },
    write: (id, text) => {
      add(id, { kind: "message", direction: "in", item_id: crypto.randomUUID(), at: new Date().toISOString(), channel: "telegram", inbox: "@payvand_bot", author: "لیلا رضایی", subject: null, text, attachments: [] });
      change(id, { preview: text, last_at: new Date().toISOString(), unread: 1 });
    },
    type: (id) => push({ kind: "typing", data: { conversation_id: id, agent_id: "reza", name: "رضا کریمی" } }),
    miss: () => push({ kind: "agent", data: { ...me, not_responding: true } }),
    drop: () => socket?.close(),
  };
}
