// sample: hydrogen-first-party-links
// app/lib/first-party.js; in the context: createWidgets({ …, fetch: fetchWithOwnLinks(env.WIDGETS_URL) })
/**
 * The widget server under the storefront's own address (the route `sumeru.js`), when WIDGETS_FIRST_PARTY is set.
 */

export const PREFIX = '/sumeru';

/** Links and forms inside widgets, leading to this address: the loader follows in place what begins like its own. */
export const ownLinks = (text, widgetsUrl) => text.replaceAll(`${widgetsUrl}/w/v1/`, `${PREFIX}/w/v1/`);

/** A fetch for `createWidgets` whose widgets have such links. */
export const fetchWithOwnLinks = (widgetsUrl) => async (url, init) => {
  const answer = await fetch(url, init);
  return new Response(ownLinks(await answer.text(), widgetsUrl), { status: answer.status, headers: answer.headers });
};
// end of sample
