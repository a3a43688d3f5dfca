/** The weights page: a slider moves its number, and each change asks what it would shift. Without this script the form works alone. */

const form = document.querySelector('.attr-weights');
const section = document.querySelector('.attr-shift');
const status = section?.querySelector('[role="status"]');
const body = section?.querySelector('tbody');

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
  status.textContent = `${found.orders} / ${found.of} · ${found.currency}`;
  body.replaceChildren(
    ...found.channels.map(([channel, now, then, difference]) => {
      const row = document.createElement('tr');
      row.append(cell('th', channel), cell('td', now), cell('td', then), cell('td', difference));
      return row;
    }),
  );
}

let running = false;
let waiting = false;

async function ask() {
  if (running) {
    waiting = true;
    return;
  }
  running = true;
  section.hidden = false;
  try {
    const { first, last, currency } = form.dataset;
    const answer = await fetch(location.pathname, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'X-CSRFToken': form.querySelector('[name="csrfmiddlewaretoken"]').value,
      },
      body: JSON.stringify({ rules: rules(), first, last, currency }),
    });
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

if (form && section && form.querySelector('button')) {
  form.addEventListener('input', ({ target }) => {
    const row = target.closest('[data-rule]');
    if (!row) return;
    const number = row.querySelector('input[type="number"]');
    const slider = row.querySelector('input[type="range"]');
    if (target === slider) number.value = slider.value;
    if (target === number) slider.value = number.value;
    ask();
  });
}
