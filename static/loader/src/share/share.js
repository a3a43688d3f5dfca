/**
 * Copy and share buttons inside widgets: `data-copy` holds a text for the clipboard (`data-done` is the label afterwards),
 * `data-share` what `navigator.share` takes, as JSON. Works through open shadow roots, for every widget of the page.
 */
const TARGET = '[data-copy],[data-share]';

addEventListener('click', async (event) => {
  const button = event.composedPath().find((node) => node.matches?.(TARGET));
  if (!button) return;
  const { copy, done, share } = button.dataset;
  try {
    if (share && navigator.share) {
      await navigator.share(JSON.parse(share));
      return;
    }
    await navigator.clipboard.writeText(copy || JSON.parse(share).url);
    if (done) button.textContent = done;
  } catch {
    // Refused or cancelled: select the text beside it, so that it can be copied by hand.
    button.getRootNode().querySelector('input[readonly]')?.select();
  }
});
