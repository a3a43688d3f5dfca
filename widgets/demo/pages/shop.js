/** The shop's own script: its cart takes what widgets offer, and its visitors are asked before anything is measured. */
(() => {
  const { add, cart } = document.currentScript.dataset;
  const root = document.documentElement;
  const main = document.getElementById('main');
  const said = document.getElementById('said');
  let hiding;

  // --- consent
  window.sumeru ||= { q: [] };
  const tell = (state) => {
    const { consent, q } = window.sumeru;
    if (consent) consent(state);
    else q?.push(() => window.sumeru.consent?.(state));
  };
  if (root.dataset.consent) tell(root.dataset.consent);

  const accept = async (form) => {
    tell('granted');
    form.closest('section').remove();
    main.focus({ preventScroll: true });
    await post(form.action, new URLSearchParams({ consent: 'granted' }));
  };

  // --- the cart
  const post = async (url, body) => {
    const answer = await fetch(url, { method: 'POST', body, headers: { Accept: 'application/json' } });
    if (!answer.ok) throw Error(answer.status);
    return answer.json();
  };

  const say = (text) => {
    clearTimeout(hiding);
    said.replaceChildren(text, ' ');
    if (!document.getElementById('cart-title')) {
      const link = document.createElement('a');
      link.href = cart;
      link.textContent = 'See the cart';
      said.append(link);
    }
    hiding = setTimeout(() => said.replaceChildren(), 8000);
  };

  /** The cart page anew. Widgets that are there already stay: only their attributes change, and the loader sees to the rest. */
  const show = (html) => {
    const focused = document.activeElement?.id;
    const box = document.createElement('div');
    box.innerHTML = html;
    for (const fresh of box.querySelectorAll('sumeru-widget')) {
      const old = main.querySelector(`sumeru-widget[type="${fresh.getAttribute('type')}"]`);
      if (!old) continue;
      for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
      fresh.replaceWith(old);
    }
    main.replaceChildren(...box.childNodes);
    prepare();
    (document.getElementById(focused) || document.getElementById('cart-title')).focus({ preventScroll: true });
  };

  const change = async (url, body) => {
    const { count, said: text, main: html } = await post(url, body);
    document.getElementById('cart-count').textContent = count;
    if (document.getElementById('cart-title')) show(html);
    say(text);
  };

  addEventListener('sumeru:add-to-cart', (event) => {
    event.preventDefault();
    const items = event.detail.items.map((item) => `${item.variant_id}:${item.quantity}`).join();
    change(add, new URLSearchParams({ items })).catch(() => (location = `/cart/${items}`));
  });

  addEventListener('submit', (event) => {
    const { target: form, submitter } = event;
    if ('consent' in form.dataset) {
      event.preventDefault();
      accept(form);
    } else if ('cart' in form.dataset) {
      event.preventDefault();
      change(form.action, new URLSearchParams(new FormData(form, submitter))).catch(() => form.submit());
    }
  });

  /** A quantity counts as soon as it is chosen; the button is for those without scripts. */
  const prepare = () => {
    for (const form of document.querySelectorAll('form.amount')) {
      form.elements.quantity.addEventListener('change', () => form.requestSubmit());
    }
  };
  prepare();

  // --- the switches in the header: links inside the widgets do not know them
  addEventListener('click', (event) => {
    const link = event.composedPath().find((each) => each.href && each.closest);
    if (!link || link.getRootNode() === document || link.origin !== location.origin || link.search) return;
    const now = new URLSearchParams(location.search);
    for (const name of ['mode', 'theme', 'dir', 'consent']) {
      if (now.get(name)) link.search = new URLSearchParams([...new URLSearchParams(link.search), [name, now.get(name)]]);
    }
  });
})();
