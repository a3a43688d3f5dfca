/** What the page's own policies refused, from the page's start where the browser keeps reports. */

/**
 * @param {() => void} changed called after each new one
 * @returns {import('./types.js').Refusal[]} grows
 */
export const listen = (changed) => {
  const refusals = [];
  const add = (directive, url, policy, sample, disposition) => {
    if (disposition === 'report') return;
    if (refusals.some((each) => each.directive === directive && each.url === url)) return;
    refusals.push({ directive, url: url || '', policy: policy || '', sample: sample || '' });
    changed();
  };
  addEventListener('securitypolicyviolation', (event) =>
    add(event.effectiveDirective, event.blockedURI, event.originalPolicy, event.sample, event.disposition),
  );
  try {
    new ReportingObserver(
      (reports) => {
        for (const { type, body: said } of reports) {
          const body = said.toJSON(); // not everything in it is a property
          if (type === 'coep') add('coep', body.blockedURL, 'require-corp', '', body.disposition === 'reporting' ? 'report' : '');
          else add(body.effectiveDirective, body.blockedURL, body.originalPolicy, body.sample, body.disposition);
        }
      },
      { types: ['csp-violation', 'coep'], buffered: true },
    ).observe();
  } catch {
    // A browser without it: only what is refused from now on is known.
  }
  return refusals;
};
