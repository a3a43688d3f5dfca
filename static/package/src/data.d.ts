/** What the widgets' HTML is made of, for storefronts that render it themselves. Addresses are absolute; empty when there is none. */

export interface Money {
  /** A decimal number: `119.00`. */
  amount: string;
  /** ISO 4217. */
  currency: string;
  /** For people, in the widget's language: `€119.00`. */
  text: string;
}

export interface ProductCard {
  product_id: string;
  variant_id: string;
  title: string;
  vendor: string;
  url: string;
  image: { url: string; width: number | null; height: number | null; alt: string } | null;
  price: Money;
  /** Only when it is more than the price. */
  compare_at: Money | null;
  available: boolean;
}

export interface AddToCart {
  /** The detail of the event `sumeru:add-to-cart`. */
  detail: { items: { variant_id: string; quantity: number }[]; source: string; id: string };
  /** The storefront's cart with these in it. */
  url: string;
}

export interface ReviewMedia {
  kind: string;
  url: string;
  thumb_url: string;
  width: number | null;
  height: number | null;
  alt: string;
}

export interface Review {
  id: string;
  /** 1 to 5. */
  rating: number;
  title: string;
  body: string;
  author: { name: string; verified_buyer: boolean; country: string };
  /** ISO 8601, in UTC. */
  created_at: string;
  locale: string;
  variant_title: string;
  helpful_count: number;
  media: ReviewMedia[];
  /** This review alone, where all of its photos have room; empty when they are here. */
  media_url: string;
  reply: { body: string; created_at: string | null } | null;
}

export interface PageFacts {
  number: number;
  /** Null when it is not known how many there are. */
  pages: number | null;
  /** Numbers of the first and the last entry on this page; 0 for none. */
  first: number;
  last: number;
  total: number | null;
  has_next: boolean;
  has_previous: boolean;
}

export interface ReviewsData {
  product_id: string;
  product: { title: string; url: string; image: string } | null;
  heading: string;
  summary: {
    /** With one decimal; null without reviews and when it is not known. */
    average: string | null;
    count: number;
    /** Empty when it is not known. */
    histogram: { rating: number; count: number; percent: number; url: string }[];
  };
  filter: { sort: string; rating: number | null; media: boolean };
  reviews: Review[];
  page: PageFacts;
  links: {
    previous: string | null;
    next: string | null;
    /** Null is a gap. */
    pages: ({ number: number; url: string; current: boolean } | null)[];
    without_rating: string;
    without_media: string;
    all: string;
    write: string | null;
    list: string;
  };
  form: {
    token: string;
    key: string;
    /** Where the form leads back to without scripts. */
    return_to: string;
    values: Record<string, string>;
    errors: Record<string, string[]>;
    problem: string[];
  } | null;
  result: string;
}

export interface RatingBadgeData {
  single: boolean;
  items: { product_id: string; average: string | null; count: number; url: string; html: string }[];
}

export interface BundlesData {
  product_id: string;
  heading: string;
  bundles: {
    id: string;
    title: string;
    description: string;
    items: (ProductCard & { quantity: number })[];
    item_count: number;
    price: Money;
    compare_at: Money | null;
    saving: Money | null;
    saving_percent: number;
    available: boolean;
    add: AddToCart | null;
  }[];
}

export interface UpsellData {
  heading: string;
  offers: (ProductCard & {
    reason: string;
    /** In words; empty for none. */
    saving: string;
    discount: { kind: string; value: string } | null;
    add: AddToCart | null;
  })[];
}

export interface ProductFeedData {
  heading: string;
  layout: string;
  collection: string;
  products: (ProductCard & { rating: { average: string | null; count: number } | null })[];
  filter: { query: string; in_stock: boolean; sort: string; sorts: { value: string; label: string }[] };
  page: PageFacts;
  links: { previous: string; next: string; all: string };
}

export interface QuizData {
  quiz_id: string;
  title: string;
  answers: string;
  session: string;
  complete: boolean;
  progress: { answered: number; number: number; total: number };
  question: {
    id: string;
    text: string;
    kind: string;
    options: { id: string; label: string; image: string; chosen: boolean }[];
  } | null;
  results: (ProductCard & { score: number; reason: string; add: AddToCart | null })[];
  links: { here: string; back: string | null; again: string | null };
  form: { token: string; key: string; errors: string[]; problems: string[] };
}

/** Data by the widget's type; of others it is an object whose fields the server's documentation names. */
export interface WidgetData {
  reviews: ReviewsData;
  rating_badge: RatingBadgeData;
  bundles: BundlesData;
  upsell: UpsellData;
  product_feed: ProductFeedData;
  quiz: QuizData;
}

export type DataOf<T extends string> = T extends keyof WidgetData ? WidgetData[T] : Record<string, unknown>;
