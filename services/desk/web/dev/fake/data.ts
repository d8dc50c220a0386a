import type { Agent, ContactCard, ConversationRow, Item, Me, Offer, Queue, Reason } from "../../src/api/types";

/** A small invented organisation for working on the desk without a server (`npm run dev:fake`). Never in the production build. */

const START = Date.now();
export const ago = (minutes: number): string => new Date(START - minutes * 60_000).toISOString();
export const ahead = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

export const me: Me = { agent_id: "sara", name: "Sara Ahmadi", role: "agent", locale: "en", presence: "online", capacity: 100, used: 60, present_here: true };

export const agents: Agent[] = [
  { agent_id: "sara", name: "Sara Ahmadi", presence: "online", used: 60, capacity: 100 },
  { agent_id: "dmitri", name: "Дмитрий Орлов", presence: "online", used: 100, capacity: 100 },
  { agent_id: "reza", name: "رضا کریمی", presence: "away", used: 25, capacity: 100 },
  { agent_id: "emma", name: "Emma Clarke", presence: "offline", used: 0, capacity: 100 },
];

export const queues: Queue[] = [
  { queue_id: "support", name: "Support", waiting: 2, oldest_enqueued_at: ago(14) },
  { queue_id: "billing", name: "Billing", waiting: 1, oldest_enqueued_at: ago(3) },
  { queue_id: "farsi", name: "پشتیبانی فارسی", waiting: 0, oldest_enqueued_at: null },
  { queue_id: "sales", name: "Продажи", waiting: 0, oldest_enqueued_at: null },
];

export const reason: Reason = {
  rule: "persian-support", policy: "default@7", step: 0, eligible: 2,
  excluded: [
    { predicate: "offline", agents: 1, example: "emma" },
    { predicate: "skill:lang.fa>=3", agents: 1, example: "dmitri" },
    { predicate: "no-capacity", agents: 1, example: "reza" },
  ],
  winner_because: "the longest idle", runner_up: "reza",
  sentence: "Offered to Sara Ahmadi: she speaks Persian, handled Leila's last conversation and has been free longest.",
};

type Seed = Partial<ConversationRow> & Pick<ConversationRow, "conversation_id" | "contact_name" | "preview" | "channel">;

function row(seed: Seed, minutes: number): ConversationRow {
  return {
    contact_id: `contact-${seed.conversation_id}`, language: "en", tier: "lead", state: "assigned", assignee: "sara", assignee_name: "Sara Ahmadi",
    queue_id: "support", subject: null, last_at: ago(minutes), unread: 0, enqueued_at: null, ...seed,
  };
}

export const conversations: ConversationRow[] = [
  row({ conversation_id: "c1", contact_name: "لیلا رضایی", preview: "سلام، سفارش من هنوز نرسیده است. می‌شود پیگیری کنید؟", channel: "telegram", tier: "platinum", language: "fa", queue_id: "farsi", unread: 2 }, 2),
  row({ conversation_id: "c2", contact_name: "James Whitfield", preview: "Thanks, the refund has arrived. One more question about the invoice…", channel: "email", tier: "gold", subject: "Re: Refund for order 48213" }, 9),
  row({ conversation_id: "c3", contact_name: "Анна Соколова", preview: "Здравствуйте! Не могу войти в личный кабинет после обновления.", channel: "webchat", tier: "silver", language: "ru", queue_id: "sales", unread: 1 }, 21),
  row({ conversation_id: "c4", contact_name: "محمد حسینی", preview: "ممنون از پاسخ شما", channel: "sms", tier: "lead", language: "fa", queue_id: "farsi" }, 1500),
  row({ conversation_id: "w1", contact_name: "Oliver Grant", preview: "Is the annual plan still on offer?", channel: "webchat", tier: "gold", state: "waiting", assignee: null, assignee_name: null, enqueued_at: ago(3), queue_id: "billing" }, 3),
  row({ conversation_id: "w2", contact_name: null, preview: "Missed call from +44 20 7946 0018", channel: "call", state: "waiting", assignee: null, assignee_name: null, enqueued_at: ago(14) }, 14),
  row({ conversation_id: "w3", contact_name: "Ирина Ким", preview: "Когда приедет курьер?", channel: "telegram", tier: "silver", language: "ru", state: "offered", assignee: null, assignee_name: null, enqueued_at: ago(1) }, 1),
  row({ conversation_id: "o1", contact_name: "Пётр Васильев", preview: "Спасибо, всё работает!", channel: "email", subject: "Вопрос по договору № 114", language: "ru", assignee: "dmitri", assignee_name: "Дмитрий Орлов", queue_id: "sales" }, 47),
  row({ conversation_id: "r1", contact_name: "لیلا رضایی", contact_id: "contact-c1", preview: "تشکر از راهنمایی شما", channel: "webchat", tier: "platinum", state: "resolved", language: "fa", queue_id: "farsi" }, 60 * 24 * 12),
  row({ conversation_id: "r2", contact_name: "Hannah Price", preview: "Perfect, that solved it.", channel: "email", subject: "Cannot export my data", state: "resolved" }, 60 * 24 * 3),
];

export const offer = (): Offer => ({
  offer_id: crypto.randomUUID(), work_item_id: "w3", conversation_id: "w3", channel: "telegram", contact_name: "Ирина Ким",
  preview: "Когда приедет курьер? Обещали сегодня с 10 до 14, но никто не позвонил.", language: "ru", tier: "silver", queue_id: "support",
  queue_name: "Support", enqueued_at: ago(1), expires_at: ahead(25),
  why: { ...reason, sentence: "You speak Russian, are free for a chat and have been idle longest of 2 eligible agents." },
});

const persian: Item[] = [
  { kind: "message", direction: "in", item_id: "m1", at: ago(60 * 26), channel: "email", inbox: "support@example.com", author: "لیلا رضایی", subject: "پیگیری سفارش ۱۲۸۴", text: "با سلام و احترام،\n\nسفارش شمارهٔ ۱۲۸۴ را هفتهٔ پیش ثبت کردم ولی هنوز به دستم نرسیده است. رسید پرداخت پیوست شده است.\n\nبا تشکر\nلیلا رضایی", attachments: [{ name: "رسید-پرداخت.pdf", media_type: "application/pdf", size: 84_213, ref: "a1", state: "stored", url: "/favicon.svg", thumbnail_url: null }] },
  { kind: "event", item_id: "e1", at: ago(60 * 26 - 1), code: "queued", queue: "farsi", sentence: "Waiting: nobody who speaks Persian was online." },
  { kind: "event", item_id: "e2", at: ago(60 * 25), code: "assigned", agent: "sara", sentence: reason.sentence },
  { kind: "reply", direction: "out", item_id: "r1", at: ago(60 * 25 - 4), channel: "email", author: "Sara Ahmadi", text: "سلام لیلا خانم، وقت بخیر.\nبسته شما امروز از انبار تهران ارسال شد و تا فردا ظهر به دستتان می‌رسد.", delivery: { state: "read", channel: "email", why: "email: the conversation is live there", at: ago(60 * 24) }, attachments: [] },
  { kind: "note", item_id: "n1", at: ago(60 * 25 - 6), author: "رضا کریمی", text: "با انبار تماس گرفتم؛ کد رهگیری TX-99120 است. If it is late again, offer free delivery." },
  { kind: "reply", direction: "out", item_id: "r2", at: ago(60 * 20), channel: "sms", author: "Sara Ahmadi", text: "کد رهگیری شما: TX-99120", delivery: { state: "undelivered", channel: "sms", why: "2 segments, UCS-2; the phone was switched off", at: ago(60 * 19) }, attachments: [] },
  { kind: "message", direction: "in", item_id: "m2", at: ago(4), channel: "telegram", inbox: "@payvand_bot", author: "لیلا رضایی", subject: null, text: "سلام، سفارش من هنوز نرسیده است. می‌شود پیگیری کنید؟", attachments: [] },
  { kind: "call", direction: "in", item_id: "k1", at: ago(90), channel: "call", inbox: "pbx", author: "لیلا رضایی", text: "", missed: true, attachments: [], call: { direction: "inbound", outcome: "timeout", agent: null, wait_seconds: 72, talk_seconds: null, recording_url: null, callback_url: "tel:+989120001284" } },
  { kind: "call", direction: "in", item_id: "k2", at: ago(80), channel: "call", inbox: "pbx", author: "لیلا رضایی", text: "", missed: false, attachments: [], call: { direction: "inbound", outcome: "answered", agent: "Reza", wait_seconds: 8, talk_seconds: 187, recording_url: "https://pbx.example/rec/1", callback_url: "tel:+989120001284" } },
  { kind: "message", direction: "in", item_id: "m4", at: ago(12), channel: "telegram", inbox: "@payvand_bot", author: "لیلا رضایی", subject: null, text: "این عکس بستهٔ آسیب‌دیده است", edited_at: ago(11), attachments: [
    { name: "IMG_0412.jpg", media_type: "image/jpeg", size: 184_213, ref: "p1", state: "stored", url: "/favicon.svg", thumbnail_url: "/favicon.svg" },
    { name: "voice.ogg", media_type: "audio/ogg", size: 18_213, ref: "p2", state: "stored", url: "/voice.ogg", thumbnail_url: null },
    { name: "video.mp4", media_type: "video/mp4", size: 0, ref: "p3", state: "pending", url: null, thumbnail_url: null },
    { name: "old.zip", media_type: "application/zip", size: 0, ref: "p4", state: "gone", url: null, thumbnail_url: null },
  ] },
  { kind: "message", direction: "in", item_id: "m5", at: ago(10), channel: "telegram", inbox: "@payvand_bot", author: "لیلا رضایی", subject: null, text: "", deleted_at: ago(9), attachments: [] },
  { kind: "message", direction: "in", item_id: "m3", at: ago(2), channel: "telegram", inbox: "@payvand_bot", author: "لیلا رضایی", subject: null, text: "Tracking code: TX-99120", attachments: [] },
];

function shortTimeline(one: ConversationRow): Item[] {
  const items: Item[] = [
    { kind: "message", direction: "in", item_id: `${one.conversation_id}-m`, at: one.last_at, channel: one.channel, inbox: one.channel === "email" ? "support@example.com" : "main", author: one.contact_name ?? "+44 20 7946 0018", subject: one.subject, text: one.preview, attachments: [] },
  ];
  if (one.assignee) items.push({ kind: "event", item_id: `${one.conversation_id}-e`, at: one.last_at, code: "assigned", agent: one.assignee });
  return items;
}

export const timelines = new Map<string, Item[]>(conversations.map((one) => [one.conversation_id, one.conversation_id === "c1" ? persian : shortTimeline(one)]));

export function contactOf(one: ConversationRow): ContactCard {
  return {
    contact_id: one.contact_id, display_name: one.contact_name, tier: one.tier, language: one.language, preferred_channel: one.channel,
    identifiers: [
      { type: "email", value: "leila.rezaei@example.com", trust: "verified" },
      { type: "phone", value: "+98 912 000 1284", trust: "asserted" },
      { type: "telegram", value: "482113907", trust: "unique" },
    ],
    first_seen: ago(60 * 24 * 400), last_seen: one.last_at, conversations: one.contact_id === "contact-c1" ? 2 : 1,
  };
}
