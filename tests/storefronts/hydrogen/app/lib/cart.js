/** The cart, in the session: quantities by variant. Elsewhere it is Hydrogen's cart handler, `context.cart`. */

/** @returns {Record<string, number>} */
export const linesOf = ({ session }) => session.get('cart') ?? {};

export const countOf = (lines) => Object.values(lines).reduce((sum, each) => sum + each, 0);

/** @param {{merchandiseId: string, quantity: number}[]} added the input of Hydrogen's LinesAdd */
export function addLines({ session }, added) {
  const lines = { ...linesOf({ session }) };
  for (const { merchandiseId, quantity } of added) lines[merchandiseId] = (lines[merchandiseId] ?? 0) + quantity;
  session.set('cart', lines);
  return lines;
}
