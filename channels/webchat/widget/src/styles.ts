// Styles of the shadow root, as a constructed sheet: no inline style, so a strict Content-Security-Policy is no trouble.

const DARK = `--pv-accent: #4c8dff; --pv-on-accent: #08111f; --pv-paper: #1a1d22; --pv-ground: #14171b;
  --pv-ink: #e8eaed; --pv-faint: #a4acb6; --pv-line: #32373e; --pv-theirs: #2a2f36; --pv-warn: #ff9b8f; color-scheme: dark;`;

export const STYLES = `
:host { all: initial; --pv-accent: #1f6feb; --pv-on-accent: #fff; --pv-paper: #fff; --pv-ground: #f5f6f8; --pv-ink: #1b1f24;
  --pv-faint: #5b6470; --pv-line: #dfe3e8; --pv-theirs: #eceff3; --pv-warn: #b42318; color-scheme: light; }
@media (prefers-color-scheme: dark) { :host([data-theme=auto]) { ${DARK} } }
:host([data-theme=dark]) { ${DARK} }
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.root { position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 2147483000; color: var(--pv-ink);
  font: 15px/1.5 Vazirmatn, system-ui, -apple-system, "Segoe UI", Roboto, Tahoma, sans-serif; }
button, input, textarea { font: inherit; color: inherit; }
button { cursor: pointer; border: 0; background: none; padding: 0; }
:focus-visible { outline: 2px solid var(--pv-accent); outline-offset: 2px; }
.launcher { position: relative; inline-size: 58px; block-size: 58px; border-radius: 50%; background: var(--pv-accent); color: var(--pv-on-accent);
  display: grid; place-items: center; box-shadow: 0 6px 20px rgb(0 0 0 / .25); margin-inline-start: auto; transition: transform .15s; }
.launcher:hover { transform: scale(1.05); }
.badge { position: absolute; inset-block-start: -3px; inset-inline-end: -3px; min-inline-size: 21px; padding: 0 5px; border-radius: 11px;
  background: #d92d20; color: #fff; font-size: 12px; line-height: 21px; text-align: center; font-weight: 600; }
.panel { display: flex; flex-direction: column; inline-size: min(370px, calc(100vw - 32px)); block-size: min(560px, calc(100vh - 120px));
  margin-block-end: 14px; background: var(--pv-paper); border: 1px solid var(--pv-line); border-radius: 16px; overflow: hidden;
  box-shadow: 0 16px 48px rgb(0 0 0 / .24); }
header { display: flex; gap: 12px; align-items: start; padding: 16px; background: var(--pv-accent); color: var(--pv-on-accent); }
header div { flex: 1; min-inline-size: 0; }
h2 { margin: 0; font-size: 17px; line-height: 1.4; font-weight: 650; }
header p { margin: 2px 0 0; font-size: 13px; opacity: .9; }
.close { inline-size: 32px; block-size: 32px; border-radius: 8px; display: grid; place-items: center; }
.close:focus-visible { outline-color: currentColor; }
.log { flex: 1; overflow-y: auto; padding: 16px; display: flex; flex-direction: column; gap: 10px; background: var(--pv-ground);
  overscroll-behavior: contain; }
.message { max-inline-size: 85%; align-self: start; display: flex; flex-direction: column; gap: 2px; }
.message.visitor { align-self: end; align-items: end; }
.bubble { padding: 9px 13px; border-radius: 14px; border-end-start-radius: 4px; background: var(--pv-theirs); white-space: pre-wrap;
  overflow-wrap: anywhere; }
.visitor .bubble { background: var(--pv-accent); color: var(--pv-on-accent); border-radius: 14px; border-end-end-radius: 4px; }
.visitor.pending .bubble { opacity: .65; }
.bubble a { color: inherit; text-decoration: underline; }
.meta { font-size: 12px; color: var(--pv-faint); padding-inline: 4px; }
.failed .meta { color: var(--pv-warn); }
.bubble img { display: block; max-inline-size: 100%; max-block-size: 220px; border-radius: 8px; }
.bubble audio { max-inline-size: 100%; }
.file { display: block; }
.panel.drop { outline: 3px dashed var(--pv-accent); outline-offset: -8px; }
.telegram { display: block; padding: 8px 16px; font-size: 13px; text-align: center; color: var(--pv-ink); background: var(--pv-theirs); }
.notice { padding: 8px 16px; font-size: 13px; color: var(--pv-faint); background: var(--pv-paper); border-block-start: 1px solid var(--pv-line); }
form { border-block-start: 1px solid var(--pv-line); background: var(--pv-paper); }
.compose { display: flex; gap: 8px; align-items: end; padding: 10px 12px; }
textarea { flex: 1; resize: none; max-block-size: 120px; min-block-size: 42px; padding: 9px 12px; border: 1px solid var(--pv-line);
  border-radius: 12px; background: var(--pv-paper); }
.send { inline-size: 42px; block-size: 42px; border-radius: 12px; background: var(--pv-accent); color: var(--pv-on-accent); display: grid;
  place-items: center; flex: none; }
.attach { inline-size: 36px; block-size: 42px; border-radius: 10px; color: var(--pv-faint); display: grid; place-items: center; flex: none; }
.send:disabled { opacity: .45; cursor: default; }
[dir=rtl] .send svg { transform: scaleX(-1); }
.intro { padding: 14px 16px; display: grid; gap: 10px; }
.intro p { margin: 0; font-size: 14px; }
.intro label { display: grid; gap: 3px; font-size: 13px; color: var(--pv-faint); }
.intro input, .intro textarea { padding: 8px 11px; border: 1px solid var(--pv-line); border-radius: 10px; background: var(--pv-paper); color: var(--pv-ink);
  font-size: 15px; inline-size: 100%; }
.intro div { display: flex; gap: 8px; justify-content: end; }
.intro button { padding: 8px 16px; border-radius: 10px; }
.intro .start { background: var(--pv-accent); color: var(--pv-on-accent); }
.hidden-label { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 480px) { .root { inset-inline: 12px; inset-block-end: 12px; } .panel { inline-size: 100%; block-size: min(620px, calc(100vh - 96px));
  block-size: min(620px, calc(100dvh - 96px)); } }
@media (prefers-reduced-motion: reduce) { *, *::before, *::after { transition: none !important; animation: none !important; }
  .launcher:hover { transform: none; } }
@media (forced-colors: active) { .bubble, .launcher, .send { border: 1px solid; } }
`;
