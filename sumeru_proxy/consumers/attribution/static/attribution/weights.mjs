/**
 * The weights page: a slider moves its number, each change asks what it would shift of a sample, and a released slider what it would
 * shift of all orders, which a worker computes. Without this script the form works alone.
 */

const form = document.querySelector('.attr-weights');
const section = document.querySelector('.attr-shift');
const status = section?.querySelector('[role="status"]');
const body = section?.querySelector('tbody');
const whole = section?.querySelector('.attr-whole');
const bar = whole?.querySelector('progress');
const stop = whole?.querySelector('button');
const words = { ...section?.dataset };

const rules = () =>
  [...form.querySelectorAll('[data-rule]')]
    .map((row) => [
      row.querySelector('select').value,
      row.querySelector('input[type="text"]').value.trim(),
      Number(row.querySelector('input[type="number"]').value),
    ])
    .filter(([, value]) => value);

const cell = (name, text) => {
  const element = document.createElement(name);
  element.textContent = text;
  if (name === 'th') element.scope = 'row';
  else element.className = 'attr-number';
  return element;
};

function show(found) {
  const scope = 'run' in found ? words[found.state] : words.sample;
  status.textContent = `${scope}: ${found.orders} / ${found.of ?? '…'} · ${found.currency}`;
  body.replaceChildren(
    ...found.channels.map(([channel, now, then, difference]) => {
      const row = document.createElement('tr');
      row.append(cell('th', channel), cell('td', now), cell('td', then), cell('td', difference));
      return row;
    }),
  );
}

const send = (payload) =>
  fetch(location.pathname, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      'X-CSRFToken': form.querySelector('[name="csrfmiddlewaretoken"]').value,
    },
    body: JSON.stringify(payload),
  });

let running = false;
let waiting = false;
/** The run over all orders that is watched; another change of the weights ends its watch. */
let run;

async function ask() {
  if (running) {
    waiting = true;
    return;
  }
  running = true;
  section.hidden = false;
  try {
    const { first, last, currency } = form.dataset;
    const answer = await send({ rules: rules(), first, last, currency });
    const found = await answer.json();
    if (answer.ok) show(found);
    else status.textContent = found.problems.map((each) => each.text ?? each).join('; ');
  } catch (error) {
    status.textContent = `${error.message}`;
  } finally {
    running = false;
    if (waiting) {
      waiting = false;
      ask();
    }
  }
}

const told = (found) => {
  show(found);
  whole.hidden = found.state !== 'running';
  if (found.of) {
    bar.max = found.of;
    bar.value = found.orders;
  } else bar.removeAttribute('value');
};

let released;
let begun = Promise.resolve();

/** All orders, as far as the worker is; looks again until it is done, cancelled, or the weights change. */
async function askAll() {
  const { first, last, currency } = form.dataset;
  const mine = (run = Symbol());
  // One after the other: the server ends the run before, and the last one asked for must be the last that it hears of.
  const mayBegin = begun;
  let begins;
  begun = new Promise((done) => (begins = done));
  await mayBegin;
  let answer;
  try {
    if (run === mine) answer = await send({ rules: rules(), first, last, currency, all: true });
  } finally {
    begins();
  }
  while (answer?.ok && run === mine) {
    const found = await answer.json();
    if (run !== mine) return;
    whole.dataset.run = found.run;
    told(found);
    if (found.state !== 'running') return;
    await new Promise((done) => setTimeout(done, 500));
    answer = await fetch(`${location.pathname}?run=${found.run}`);
  }
}

const complain = (error) => {
  status.textContent = `${error.message}`;
};

if (form && section && form.querySelector('button')) {
  form.addEventListener('input', ({ target }) => {
    const row = target.closest('[data-rule]');
    if (!row) return;
    const number = row.querySelector('input[type="number"]');
    const slider = row.querySelector('input[type="range"]');
    if (target === slider) number.value = slider.value;
    if (target === number) slider.value = number.value;
    run = undefined;
    whole.hidden = true;
    ask();
  });
  // Released: what the hand has let go of is asked of all orders.
  form.addEventListener('change', ({ target }) => {
    clearTimeout(released);
    // A held arrow key releases the slider with each step.
    if (target.closest('[data-rule]')) released = setTimeout(() => askAll().catch(complain), 300);
  });
  stop.addEventListener('click', async () => {
    const answer = await send({ cancel: Number(whole.dataset.run) });
    if (answer.ok) told(await answer.json());
    status.focus();
  });
}
