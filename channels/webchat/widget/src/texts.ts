// Every word that the widget says.

export type Locale = 'en' | 'fa' | 'ru';

export interface Texts {
  direction: 'ltr' | 'rtl';
  number: string;
  title: string;
  subtitle: string;
  open: string;
  unread: (count: string) => string;
  close: string;
  conversation: string;
  placeholder: string;
  send: string;
  greeting: string;
  name: string;
  email: string;
  optional: string;
  start: string;
  skip: string;
  introduce: string;
  you: string;
  agent: string;
  sending: string;
  sent: string;
  failed: string;
  typing: string;
  connecting: string;
  offline: string;
  tooLong: string;
  question: string;
  required: string;
  askFirst: string;
  away: string;
  read: string;
  attach: string;
  fileTooLarge: (limit: string) => string;
  telegram: string;
  tooMany: string;
}

export const TEXTS: Record<Locale, Texts> = {
  en: {
    direction: 'ltr',
    number: 'en',
    title: 'How can we help?',
    subtitle: 'We usually answer within a few minutes',
    open: 'Open the chat',
    unread: (count) => `${count} new messages`,
    close: 'Close the chat',
    conversation: 'Conversation',
    placeholder: 'Write a message…',
    send: 'Send',
    greeting: 'Hello! Write to us here. If you leave the page, we will keep your conversation.',
    name: 'Your name',
    email: 'Email',
    optional: 'optional',
    start: 'Start',
    skip: 'Skip',
    introduce: 'Tell us who you are, so that we can also answer by email.',
    you: 'You',
    agent: 'Support',
    sending: 'Sending…',
    sent: 'Sent',
    failed: 'Not sent',
    typing: 'Typing…',
    connecting: 'Connecting…',
    offline: 'No connection. Your messages will be sent as soon as it is back.',
    tooLong: 'This message is too long.',
    question: 'Your question',
    required: 'required',
    askFirst: 'Before we begin, please tell us who you are.',
    away: 'We are not here just now. Leave your message and your email address: the answer will come by email.',
    read: 'Read',
    attach: 'Attach a file',
    fileTooLarge: (limit) => `Files may have at most ${limit}.`,
    telegram: 'Go on in Telegram',
    tooMany: 'That was quick. Please wait a minute.',
  },
  fa: {
    direction: 'rtl',
    number: 'fa-IR',
    title: 'چطور می‌توانیم کمک کنیم؟',
    subtitle: 'معمولاً در چند دقیقه پاسخ می‌دهیم',
    open: 'باز کردن گفت‌وگو',
    unread: (count) => `${count} پیام تازه`,
    close: 'بستن گفت‌وگو',
    conversation: 'گفت‌وگو',
    placeholder: 'پیام خود را بنویسید…',
    send: 'ارسال',
    greeting: 'سلام! همین‌جا برایمان بنویسید. اگر صفحه را ببندید، گفت‌وگوی شما حفظ می‌شود.',
    name: 'نام شما',
    email: 'ایمیل',
    optional: 'اختیاری',
    start: 'شروع',
    skip: 'رد شدن',
    introduce: 'خودتان را معرفی کنید تا بتوانیم با ایمیل هم پاسخ بدهیم.',
    you: 'شما',
    agent: 'پشتیبانی',
    sending: 'در حال ارسال…',
    sent: 'ارسال شد',
    failed: 'ارسال نشد',
    typing: 'در حال نوشتن…',
    connecting: 'در حال اتصال…',
    offline: 'اتصال برقرار نیست. پیام‌های شما پس از اتصال فرستاده می‌شود.',
    tooLong: 'این پیام بیش از اندازه بلند است.',
    question: 'پرسش شما',
    required: 'لازم',
    askFirst: 'پیش از شروع، لطفاً خودتان را معرفی کنید.',
    away: 'الان کسی نیست. پیام و نشانی ایمیل خود را بگذارید؛ پاسخ با ایمیل می‌رسد.',
    read: 'خوانده شد',
    attach: 'پیوست فایل',
    fileTooLarge: (limit) => `فایل حداکثر ${limit} می‌تواند باشد.`,
    telegram: 'ادامه در تلگرام',
    tooMany: 'کمی تند شد. لطفاً یک دقیقه صبر کنید.',
  },
  ru: {
    direction: 'ltr',
    number: 'ru',
    title: 'Чем можем помочь?',
    subtitle: 'Обычно отвечаем за несколько минут',
    open: 'Открыть чат',
    unread: (count) => `Новых сообщений: ${count}`,
    close: 'Закрыть чат',
    conversation: 'Переписка',
    placeholder: 'Напишите сообщение…',
    send: 'Отправить',
    greeting: 'Здравствуйте! Напишите нам здесь. Если вы уйдёте со страницы, переписка сохранится.',
    name: 'Ваше имя',
    email: 'Эл. почта',
    optional: 'необязательно',
    start: 'Начать',
    skip: 'Пропустить',
    introduce: 'Представьтесь, чтобы мы могли ответить и по почте.',
    you: 'Вы',
    agent: 'Поддержка',
    sending: 'Отправляется…',
    sent: 'Отправлено',
    failed: 'Не отправлено',
    typing: 'Печатает…',
    connecting: 'Соединяемся…',
    offline: 'Нет связи. Сообщения уйдут, как только она появится.',
    tooLong: 'Сообщение слишком длинное.',
    question: 'Ваш вопрос',
    required: 'обязательно',
    askFirst: 'Прежде чем начать, представьтесь, пожалуйста.',
    away: 'Сейчас никого нет. Оставьте сообщение и адрес эл. почты — ответ придёт по почте.',
    read: 'Прочитано',
    attach: 'Прикрепить файл',
    fileTooLarge: (limit) => `Файл может быть не больше ${limit}.`,
    telegram: 'Продолжить в Telegram',
    tooMany: 'Слишком быстро. Подождите минуту, пожалуйста.',
  },
};

/** The locale asked for, else the page's language, else the browser's, else English. */
export function localeOf(...wishes: (string | null | undefined)[]): Locale {
  for (const wish of wishes) {
    const short = (wish ?? '').slice(0, 2).toLowerCase();
    if (short === 'fa' || short === 'ru' || short === 'en') return short;
  }
  return 'en';
}
