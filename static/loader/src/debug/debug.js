/**
 * The overlay that says how the page's widgets are and what is wrong with them. The loader fetches it when the page's address
 * holds `sumeru-debug`; nothing else does. It changes nothing on the page but for adding itself at the end of the body.
 */
import { judge } from './judge.js';
import { hostsOf, loadersOf, widgetOf } from './look.js';
import { panel } from './panel.js';
import { probe } from './probe.js';
import { listen } from './refusals.js';

const TAG = 'sumeru-debug';

const start = () => {
  /** What was said by events since this script runs, per host. @type {WeakMap<Element, import('./types.js').Told>} */
  const told = new WeakMap();
  /** Answers by key, so each is asked for once. @type {Map<string, import('./types.js').Probed|null>} */
  const answers = new Map();
  const show = panel(TAG);
  let planned;

  const update = () => {
    planned = 0;
    const loaders = loadersOf(document);
    const widgets = hostsOf(document).map((el) => widgetOf(el, loaders[0], told.get(el)));
    for (const widget of widgets) {
      if (widget.key && answers.size < 40 && !answers.has(widget.key)) {
        answers.set(widget.key, null);
        probe(widget).then((answer) => {
          answers.set(widget.key, answer);
          plan();
        });
      }
      widget.answer = answers.get(widget.key);
    }
    show(widgets, judge({ loaders, widgets, refusals, origin: location.origin }));
  };
  const plan = () => (planned ||= setTimeout(update, 50));

  const refusals = listen(plan);
  for (const name of ['loaded', 'ready', 'empty', 'page', 'submit', 'error']) {
    addEventListener(
      'sumeru:' + name,
      (event) => {
        const { key, error } = event.detail;
        if (event.target !== document) told.set(event.target, { name, key, error });
        plan();
      },
      true,
    );
  }
  plan();
};

// Once per page, and after the page itself: a framework may still be taking over the body.
if (!document.querySelector(TAG)) {
  if (document.readyState === 'complete') start();
  else addEventListener('load', () => setTimeout(start));
}
