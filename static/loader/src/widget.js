/** The life of one widget: wanted, loading, shown, paged, submitted. */
import { base, keyFrom, keyOf } from './address.js';
import { ask, call, wait } from './ask.js';
import { own } from './script.js';
import { adopt, rootOf, show } from './show.js';

/** Where a host keeps its widget: the function that `create` returned. */
const MEMO = Symbol();

/** @returns {boolean} false when a listener prevented the default */
export const fire = (target, key, name, detail) =>
  own(
    target,
    'dispatchEvent',
    new CustomEvent('sumeru:' + name, {
      bubbles: true,
      composed: true,
      cancelable: true,
      detail: { v: 1, type: key.split('?')[0], key, ...detail },
    }),
  );

/** @param {Element} el */
const create = (el) => {
  /** The key its attributes ask for. */
  let attributes;
  /** The key wanted now; another than `attributes` after paging inside the widget. */
  let key;
  /** The key whose content is on the page. */
  let shown;
  let states;
  /** Where its content is asked for: a visitor's own is known by the answer, or by the attribute. */
  let path = el.matches('[live]') ? 'live' : 'batch';

  const setState = (name) => {
    try {
      (states ||= el.attachInternals().states).clear();
      states.add(name);
    } catch {
      // Not a custom element, or a browser without custom states: the events tell the same.
    }
  };

  /** Whether the server's sentence about a failure shows: of sending, or of reading. @param {boolean} hidden @param {unknown} sent */
  const tell = (hidden, sent) => rootOf(el)?.querySelector(sent ? '[data-unsent]' : '[data-unread]')?.toggleAttribute('hidden', hidden);

  /** @param {'ready'|'empty'|'page'|'submit'} name */
  const ready = (name) => {
    // Adding the same listener again does nothing.
    ['click', 'submit'].map((type) => rootOf(el).addEventListener(type, act));
    shown = key;
    setState(name == 'empty' ? name : 'ready');
    fire(el, key, name);
  };

  /**
   * Asks for content and shows it, or says why not. What is on the page stays until the new content is there.
   *
   * @param {string} asked the key
   * @param {Element} [part] the part of the widget in which a person asked
   * @param {string} [url] the page that shows the same
   * @param {unknown} [keep] whether a form half filled in stays as it is
   * @param {Promise<import('./types.js').Item>} [submission] what was asked by sending a form
   */
  const load = async (asked, part, url, keep, submission) => {
    let item;
    let tries = 0;
    key = asked;
    setState('loading');
    if (part) part.ariaBusy = 'true';
    tell(true, submission);
    try {
      do {
        item = await (submission || ask(key, path, tries++));
        if (item.state == 'live') path = item.state;
        // In any case a task for each: the page gets the thread back between two widgets.
        await wait(item.retry_after_s);
        // Overtaken by another attribute change or another page: that one's answer counts.
        if (key != asked) return;
      // live, alone or pending
      } while (/li|lo|pe/.test(item.state) && tries < 4);
      // Neither ready nor empty.
      if (!/y$/.test(item.state)) throw Error(item.state);
      const focus = show(el, item, submission && part, keep);
      ready(submission ? 'submit' : part ? 'page' : item.state);
      if (part) focus?.focus();
    } catch (problem) {
      setState('error');
      if (part) {
        part.ariaBusy = null;
        tell(false, submission);
      } else if (shown && shown != key) show(el, {});
      // A link that the server refuses here is followed by the browser. One that nobody answers would lead to the browser's own
      // error page.
      if (fire(el, key, 'error', { error: item?.error || problem, url }) && url && item?.status < 500) location = url;
    }
  };

  /** Clicks and submissions inside the root. @param {MouseEvent|SubmitEvent} event */
  const act = (event) => {
    const form = 'submitter' in event && new URLSearchParams(new FormData(event.target, event.submitter));
    const from = form ? event.target : event.target.closest('a,[data-add]');
    // Every form, also one that is not ours to send: without its action it would post to the host page.
    if (form) event.preventDefault();
    else if (!from || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const { go, add } = from.dataset;
    if (!form && go == null) {
      // Out of the widget: the page's cart takes it, or its router goes there.
      const prevented = !(add ? fire(el, key, 'add-to-cart', JSON.parse(add)) : from.target || fire(el, key, 'navigate', { href: from.href }));
      if (prevented) event.preventDefault();
      return;
    }
    const url = new URL(from.action || from.href || base);
    if (url.href.startsWith(base)) {
      event.preventDefault();
      const part = from.closest('[data-swap]') || event.currentTarget.lastElementChild;
      if (from.method == 'post') {
        if (!part.ariaBusy && fire(el, key, 'before-submit', { formData: form })) {
          form.set('via', 'loader');
          load(key, part, '', 0, call(url, form));
        }
      } else {
        if (form) url.search = form;
        // What is clicked inside the form itself, as "Cancel", means the form.
        load(keyFrom(url), part, url.href, !from.closest('[data-keep]'));
      }
    }
  };

  return (again) => {
    const wanted = keyOf(el);
    if (wanted && (wanted != attributes || again)) {
      key = wanted;
      if (!attributes && adopt(el)) ready(rootOf(el).querySelector(':not(style)') ? 'ready' : 'empty');
      else load(key, 0, '', wanted == attributes);
      attributes = wanted;
    }
  };
};

/**
 * Asks for what the attributes of a host say, when that is something else than before.
 *
 * @param {Element} el
 * @param {boolean} [again] asks in any case
 */
export const update = (el, again) => (el[MEMO] ||= create(el))(again);
