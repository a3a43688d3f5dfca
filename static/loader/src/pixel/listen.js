/**
 * Whatever goes wrong here is not the page's trouble: no error leaves.
 *
 * @template {Function} F @param {F} act @returns {F}
 */
export const safe =
  (act) =>
  (...all) => {
    try {
      return act(...all);
    } catch {}
  };

/** While capturing, so also events that do not bubble, and those whose way up the page cuts off. */
export const on = (name, act) => addEventListener(name, safe(act), true);
