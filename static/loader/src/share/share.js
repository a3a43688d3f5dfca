/**
 * Copy and share buttons inside widgets: `data-copy` holds a text for the clipboard, `data-share` what `navigator.share` takes, as
 * JSON; where a browser cannot share, its address is copied. `data-done` is the label for a moment afterwards, said in the status
 * beside the button. Works through open shadow roots, for every widget of the page and nothing else of it.
 */
const closest = (path, selector) => path.find((node) => node instanceof Element && Element.prototype.matches.call(node, selector));

addEventListener('click', async (event) => {
  const path = event.composedPath();
  const button = closest(path, '[data-copy],[data-share]');
  if (!button || !closest(path, 'sumeru-widget,[data-sumeru-widget]')) return;
  const { copy, done, share } = button.dataset;
  try {
    if (share && navigator.share) {
      await navigator.share(JSON.parse(share));
      return;
    }
    await navigator.clipboard.writeText(copy || JSON.parse(share).url);
    const label = button.textContent;
    const status = button.parentNode.querySelector('[role=status]');
    // A second click before the label is back changes nothing.
    if (!done || label == done) return;
    button.textContent = done;
    if (status) status.textContent = done;
    setTimeout(() => {
      button.textContent = label;
      if (status) status.textContent = '';
    }, 3e3);
  } catch {
    // Refused or cancelled: select the text beside it, so that it can be copied by hand.
    button.getRootNode().querySelector('input[readonly]')?.select();
  }
});
