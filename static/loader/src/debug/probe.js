/** Asking the server what it says about a widget now; and, when nothing can be read, whether it is there at all. */

/**
 * @param {import('./types.js').Widget} widget
 * @returns {Promise<import('./types.js').Probed>} never rejects
 */
export const probe = async ({ base, key }) => {
  const url = base + key.replace(/\?|$/, '.json?');
  const signal = () => AbortSignal.timeout(9e3);
  try {
    const answer = await fetch(url, { signal: signal() });
    return { status: answer.status, body: await answer.json().catch(() => ({})) };
  } catch {
    try {
      // Says nothing of what is in it, but it arrives whatever the shop's origins are.
      await fetch(url, { mode: 'no-cors', signal: signal() });
      return { reachable: true };
    } catch {
      return { reachable: false };
    }
  }
};
