/** Drawing: a region at the end of the page, in a shadow root of its own, made of elements and text only. */

const CSS = `
:host { all: initial; }
section { position: fixed; z-index: 2147483647; inset-inline: 0; inset-block-end: 0; max-block-size: 50vh; overflow: auto; box-sizing: border-box;
  padding: 8px 16px 16px; border-block-start: 3px solid light-dark(#0a58ca, #8ab4ff); color-scheme: light dark; color: light-dark(#1c1d1f, #ececec);
  background: light-dark(#fff, #17181a); font: 14px/1.5 system-ui, sans-serif; }
header { display: flex; gap: 16px; align-items: center; justify-content: space-between; }
h2 { font-size: 16px; margin: 0; }
button { font: inherit; min-inline-size: 44px; min-block-size: 32px; color: inherit; background: transparent; border: 1px solid; border-radius: 6px; cursor: pointer; }
:focus-visible { outline: 3px solid light-dark(#0a58ca, #8ab4ff); outline-offset: -3px; }
table { border-collapse: collapse; inline-size: 100%; }
th, td { text-align: start; vertical-align: top; padding: 2px 12px 2px 0; overflow-wrap: anywhere; font-weight: 400; }
thead th { font-weight: 600; }
ul { list-style: none; margin: 8px 0; padding: 0; }
li { margin-block: 6px; padding-inline-start: 8px; border-inline-start: 4px solid light-dark(#777, #aaa); }
.error { border-color: light-dark(#b3261e, #ff8a80); }
.warning { border-color: light-dark(#8a5a00, #ffc04d); }
code { display: block; overflow-wrap: anywhere; white-space: pre-wrap; user-select: all; padding: 2px 6px; background: light-dark(#f1f1f3, #2a2b2e); }
p { margin: 4px 0; }
`;

/** @returns {HTMLElement} */
const make = (name, properties, ...children) => {
  const el = Object.assign(document.createElement(name), properties);
  el.append(...children);
  return el;
};

const row = ({ type, key, state, time, answer }) => {
  const body = answer?.body;
  const age = body?.age_s > 0 ? `${body.age_s} s` : body?.fresh ? 'fresh' : '';
  const said = body?.state && body.state !== state ? `${state} (server: ${body.state})` : state;
  return make('tr', {}, make('th', { scope: 'row' }, key || type || '?'), ...[said, age, time].map((text) => make('td', {}, text)));
};

const item = ({ severity, code, text, fix }) =>
  make('li', { className: severity }, make('p', {}, `${severity} · ${code}: ${text}`), make('code', {}, fix));

/**
 * @param {string} tag name of the element that holds it
 * @returns {(widgets: import('./types.js').Widget[], findings: import('./types.js').Finding[]) => void} draws; does nothing once it was closed
 */
export const panel = (tag) => {
  // The sentences are English, whatever the page is written in.
  const host = make(tag, { lang: 'en', dir: 'ltr' });
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
  const status = make('p', { role: 'status' });
  const list = make('ul');
  const rows = make('tbody');
  const heads = ['Widget', 'State', 'Age of its data', 'Answered'].map((text) => make('th', { scope: 'col' }, text));
  const table = make('table', { ariaLabel: 'Widgets' }, make('thead', {}, make('tr', {}, ...heads)), rows);
  const close = make('button', { type: 'button', onclick: () => host.remove() }, 'Close');
  const header = make('header', {}, make('h2', {}, 'Sumeru Widgets'), close);
  // It scrolls, so it can be reached by keyboard.
  const section = make('section', { tabIndex: 0, ariaLabel: 'Sumeru Widgets: debug' }, header, status, list, table);
  section.addEventListener('keydown', (event) => event.key === 'Escape' && host.remove());
  root.append(section);
  document.body.append(host);
  return (widgets, findings) => {
    const waiting = widgets.filter((widget) => widget.key && !widget.answer).length;
    const count = findings.filter((each) => each.severity === 'error').length;
    const said = `${widgets.length} widgets, ${count} errors, ${findings.length - count} other findings${waiting ? ' so far' : ''}`;
    if (status.textContent !== said) status.textContent = said;
    list.replaceChildren(...findings.map(item));
    rows.replaceChildren(...widgets.map(row));
  };
};
