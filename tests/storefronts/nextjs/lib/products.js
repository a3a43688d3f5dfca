/** The shop's own goods. */
export const PRODUCTS = [
  { id: 'prd_1001', variant: 'var_1001', title: 'Tarn Daypack 22 L', price: 119, collection: 'packs' },
  { id: 'prd_1005', variant: 'var_1005', title: 'Corrie Daypack 22 L', price: 110, collection: 'packs' },
  { id: 'prd_1002', variant: 'var_1002', title: 'Ember Enamel Mug', price: 16, collection: 'camp' },
  { id: 'prd_1006', variant: 'var_1006', title: 'Bothy Enamel Mug', price: 17, collection: 'camp' },
];

export const COLLECTIONS = { packs: 'Packs', camp: 'Camp' };

export const inCollection = (handle) => PRODUCTS.filter((each) => each.collection === handle);
