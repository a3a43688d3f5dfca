/**
 * Who and which visit: random, first-party, and made only when events leave, so never before consent. In localStorage as
 * `<id>.<time in ms>`: the time is when the visitor was first seen, and when the session was last used. Where storage is refused,
 * this throws, and nothing is sent.
 */
export const VISITOR = 'sumeru_visitor';
const SESSION = 'sumeru_session';

const idOf = (name, lifeMs, renew) => {
  const now = Date.now();
  let [id, since] = localStorage[name]?.split('.') || [];
  if (!(now - since < lifeMs)) [id, since] = [crypto.randomUUID(), now];
  localStorage[name] = id + '.' + (renew ? now : since);
  return id;
};

/** @returns {{visitor_id: string, session_id: string}} 13 months from the first event; 30 minutes from the last */
export const ids = () => ({ visitor_id: idOf(VISITOR, 395 * 864e5), session_id: idOf(SESSION, 18e5, 1) });

/** @returns {string|undefined} the visitor, when there is one already; throws where storage is refused */
export const known = () => localStorage[VISITOR]?.split('.')[0];

/** Nothing of the visitor stays. */
export const forget = () => {
  [VISITOR, SESSION].map((name) => delete localStorage[name]);
};
