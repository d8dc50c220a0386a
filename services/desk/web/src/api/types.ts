/** The desk's API as the server promises it. Times are UTC ISO 8601 strings; ids are opaque. */

export type Locale = "en" | "fa" | "ru";
export type Presence = "online" | "away" | "offline";
export type Role = "agent" | "supervisor" | "administrator";
export type Tier = "platinum" | "gold" | "silver" | "lead";
export type ConversationState = "waiting" | "offered" | "assigned" | "resolved";
export type ColorScheme = "light" | "dark" | "auto";

export type DeliveryStateName =
  | "accepted" | "suppressed" | "expired" | "deferred" | "queued" | "sending" | "retry_wait" | "unknown"
  | "failed" | "sent" | "delivered" | "read" | "undelivered" | "bounced" | "cancelled";

export interface Me {
  agent_id: string;
  name: string;
  role: Role;
  locale: Locale;
  color_scheme?: ColorScheme | null;
  presence: Presence;
  capacity: number;
  used: number;
  /** An offer ran out: no new ones until a presence is chosen again. */
  not_responding?: boolean;
  /** A presence was chosen in this browser, which keeps it; otherwise this one only looks on. */
  present_here: boolean;
}

export interface Excluded {
  predicate: string;
  agents: number;
  example: string | null;
}

export interface Reason {
  rule: string;
  policy: string;
  step: number;
  eligible: number;
  excluded: Excluded[];
  winner_because: string;
  runner_up: string | null;
  /** Rules that were passed over, and why. */
  notes?: string[];
  sentence: string;
}

export interface Offer {
  offer_id: string;
  work_item_id: string;
  conversation_id: string;
  channel: string;
  /** Empty or null: a visitor without a name. */
  contact_name: string | null;
  preview: string;
  language: string | null;
  tier: Tier;
  queue_id: string;
  queue_name: string;
  enqueued_at: string;
  expires_at: string;
  why: Reason;
}

export interface Queue {
  queue_id: string;
  name: string;
  waiting: number;
  oldest_enqueued_at: string | null;
}

export interface Agent {
  agent_id: string;
  name: string;
  presence: Presence;
  used: number;
  capacity: number;
  not_responding?: boolean;
}

/** What is still to be finished after a contact; units stay taken until then. */
export interface WrapUp {
  conversation_id: string;
  contact_name: string;
  queue_id: string;
  until: string;
}

/** How one customer waits; place and estimate as of `told_at`, `missed` is the promised moment that passed without an answer. */
export interface Wait {
  conversation_id: string;
  told_at: string | null;
  position: number | null;
  estimate_seconds: number | null;
  missed: string | null;
}

export interface ConversationRow {
  conversation_id: string;
  contact_id: string;
  contact_name: string | null;
  language: string | null;
  tier: Tier;
  channel: string;
  state: ConversationState;
  assignee: string | null;
  assignee_name: string | null;
  queue_id: string | null;
  subject: string | null;
  preview: string;
  last_at: string;
  unread: number;
  enqueued_at: string | null;
}

export interface ConversationPage {
  items: ConversationRow[];
  next_cursor: string | null;
}

export interface Identifier {
  type: string;
  value: string;
  trust: string;
}

export interface ContactCard {
  contact_id: string;
  display_name: string | null;
  tier: Tier;
  language: string | null;
  preferred_channel: string | null;
  identifiers: Identifier[];
  first_seen: string | null;
  last_seen: string | null;
  conversations: number;
}

export interface Attachment {
  name: string;
  media_type: string;
  size: number;
  ref: string;
  /** `pending`: still with the provider; `gone`: it never came. Neither has an address. */
  state: "stored" | "pending" | "gone";
  url: string | null;
  thumbnail_url: string | null;
}

export interface Upload {
  upload_id: string;
  name: string;
  media_type: string;
  size: number;
}

export interface Delivery {
  state: DeliveryStateName;
  channel: string | null;
  why: string;
  at: string;
}

interface ItemBase {
  item_id: string;
  at: string;
}

export interface MessageItem extends ItemBase {
  kind: "message";
  direction: "in";
  channel: string;
  inbox: string;
  author: string;
  text: string;
  subject: string | null;
  attachments: Attachment[];
  edited_at?: string | null;
  /** The customer took it back: no text and no attachments any more. */
  deleted_at?: string | null;
}

export interface ReplyItem extends ItemBase {
  kind: "reply";
  direction: "out";
  channel: string | null;
  author: string;
  text: string;
  delivery: Delivery | null;
  attachments: Attachment[];
  /** Only in this browser: not yet confirmed by the server. */
  pending?: boolean;
}

export interface NoteItem extends ItemBase {
  kind: "note";
  author: string;
  text: string;
}

export interface CallFacts {
  direction: string | null;
  outcome: string | null;
  agent: string | null;
  wait_seconds: number | null;
  talk_seconds: number | null;
  recording_url: string | null;
  callback_url: string | null;
}

export interface CallItem extends ItemBase {
  kind: "call";
  direction: "in";
  channel: string;
  inbox: string;
  author: string;
  text: string;
  missed: boolean;
  call?: CallFacts | null;
  attachments: Attachment[];
}

export type EventCode = "queued" | "offered" | "assigned" | "rejected" | "expired" | "resolved" | "transferred";

export interface EventItem extends ItemBase {
  kind: "event";
  code: EventCode;
  /** Ids, not names. */
  agent?: string | null;
  queue?: string | null;
  sentence?: string | null;
}

export type Item = MessageItem | ReplyItem | NoteItem | CallItem | EventItem;

export interface ConversationDetail {
  conversation: ConversationRow;
  contact: ContactCard;
  timeline: Item[];
}

export interface ReplyOption {
  channel: string;
  address_hint: string;
  default: boolean;
  why: string;
}

export interface ReplyOptions {
  channels: ReplyOption[];
  max_attachments: number;
  max_attachment_bytes: number;
}

export interface Explanation {
  sentence: string;
  placed: boolean;
  reason: Reason | null;
  history: ExplanationStep[];
}

export interface ExplanationStep {
  at: string;
  code: string;
  agent?: string | null;
  queue?: string | null;
  sentence: string | null;
  reason: Reason | null;
}

export interface PolicyVersion {
  version: string;
  in_force: boolean;
  /** When and by whom it was last put in force at the desk; null when that was done elsewhere. */
  applied_at: string | null;
  applied_by: string | null;
}

export interface Policy extends PolicyVersion {
  text: string;
}

export interface Finding {
  code: string;
  severity: "error" | "warning";
  place: string;
  sentence: string;
  hint: string;
  line: number | null;
  /** Which sentence it is, and what stands in it, for other languages than English; "" for what has to be taken as it is. */
  wording: string;
  about: Record<string, string>;
}

export interface Lint {
  ok: boolean;
  findings: Finding[];
}

/** One run of the recorded work. Waits in seconds; null when nothing was answered. */
export interface Figures {
  arrived: number;
  answered: number;
  abandoned: number;
  open: number;
  wait_p50: number | null;
  wait_p95: number | null;
  wait_mean: number | null;
  wait_max: number | null;
  service_level: number | null;
}

export interface FiguresPair {
  recorded: Figures;
  rehearsed: Figures;
}

/** Durations are ISO 8601. */
export interface Outcome {
  queue: string;
  rule: string;
  agent: string | null;
  wait: string | null;
  abandoned: string | null;
}

export interface Difference {
  work_item_id: string;
  arrived_at: string;
  recorded: Outcome;
  rehearsed: Outcome;
}

export interface Comparison {
  policy: string;
  since: string | null;
  until: string | null;
  within_seconds: number;
  entries: number;
  seconds: number;
  total: FiguresPair;
  queues: Record<string, FiguresPair>;
  agents: Record<string, [number, number]>;
  different: number;
  other_agent: number;
  other_queue: number;
  sooner: number;
  later: number;
  differences: Difference[];
  notes: ReplayNote[];
}

/** `sentence` is English, for a code that has no words here. */
export interface ReplayNote {
  code: string;
  sentence: string;
  about: Record<string, number>;
}

export type View = "mine" | "waiting" | "all" | "resolved";

/** What the server says over the live connection. Each frame carries the cursor to resume after. */
export type LiveMessage =
  | { kind: "hello"; data: { cursor: number } }
  | { kind: "conversation"; data: ConversationRow }
  | { kind: "item"; data: { conversation_id: string; item: Item } }
  | { kind: "delivery"; data: { conversation_id: string; reply_id: string; delivery: Delivery } }
  | { kind: "offer"; data: Offer }
  | { kind: "offer.ended"; data: { offer_id: string; outcome: string } }
  | { kind: "agent"; data: Agent }
  | { kind: "wrap-up"; data: { conversation_id: string; until: string | null } }
  | { kind: "queue"; data: Queue }
  | { kind: "wait"; data: Wait }
  | { kind: "refused"; data: { code: string; message: string; work_item_id?: string | null } }
  | { kind: "typing"; data: { conversation_id: string; agent_id: string; name: string; customer?: boolean } }
  | { kind: "ping"; data: unknown }
  | { kind: "reset"; data: unknown };

export type LiveFrame = LiveMessage & { cursor: number };

export type ClientFrame =
  | { kind: "ping" }
  | { kind: "typing"; conversation_id: string }
  | { kind: "viewing"; conversation_id: string | null };
