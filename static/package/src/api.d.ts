// Made by `manage.py generate` from the API description: change the widgets, not this file.
export interface AbExperimentParams {
  /** The experiment's name. */
  experiment: string;
  /** Language of the texts, and region of numbers, money and dates (BCP 47). Default, and for unknown ones: the shop's. */
  locale?: string;
  /** Named settings made by the merchant. Default: the widget's own. */
  placement?: string;
  /** The variants that the page knows, also the one that its default stands for. With any other, the default is shown and nothing is counted. */
  variants?: string;
  /** Who is looking; the same for all of a visitor's pages. None: the default is shown, and nothing is counted. */
  visitor_id?: string;
}

export interface BundlesParams {
  /** Language of the texts, and region of numbers, money and dates (BCP 47). Default, and for unknown ones: the shop's. */
  locale?: string;
  /** Named settings made by the merchant. Default: the widget's own. */
  placement?: string;
  /** The product's handle, as in its address in the shop, instead of product_id. */
  product_handle?: string;
  /** The product whose bundles are shown. */
  product_id?: string;
}

export interface CartNudgeParams {
  /** The cart. */
  cart_id?: string;
  /** What the cart costs, for example 49.90. Nothing is shown without it. */
  cart_total?: string;
  /** The cart's currency (ISO 4217). Default: the shop's. */
  currency?: string;
  /** How many things are in the cart. Nothing is shown for 0. */
  item_count?: number | string;
  /** Language of the texts, and region of numbers, money and dates (BCP 47). Default, and for unknown ones: the shop's. */
  locale?: string;
  /** Named settings made by the merchant. Default: the widget's own. */
  placement?: string;
}

export interface ProductFeedParams {
  /** Only products of this collection. Default: all. */
  collection?: string;
  /** 1: only what can be bought now. */
  in_stock?: boolean;
  /** Default: the merchant's. */
  layout?: "grid" | "carousel";
  /** Products per page. Default: the merchant's. */
  limit?: number | string;
  /** Language of the texts, and region of numbers, money and dates (BCP 47). Default, and for unknown ones: the shop's. */
  locale?: string;
  /** Which page; one beyond the end gives the last. */
  page?: number | string;
  /** Named settings made by the merchant. Default: the widget's own. */
  placement?: string;
  /** Up to 100 products, separated by commas, in this order, instead of a collection. */
  product_ids?: string;
  /** Only products with these words, 2 letters or more. New searches of large collections are slowed down. */
  query?: string;
  /** Order, for up to 100 products; more keep the shop's own order, which is the default. */
  sort?: "featured" | "price_low" | "price_high" | "rating";
}

export interface QuizParams {
  /** The answers so far: question:option+option;question:option. None: the first question. */
  answers?: string;
  /** Options of the question that are chosen at first, joined by +. The back link uses it. */
  chosen?: string;
  /** Language of the texts, and region of numbers, money and dates (BCP 47). Default, and for unknown ones: the shop's. */
  locale?: string;
  /** Named settings made by the merchant. Default: the widget's own. */
  placement?: string;
  /** The quiz. */
  quiz_id: string;
  /** Names one shopper's way through the quiz; made when it is left out. */
  session?: string;
}

export interface RatingBadgeParams {
  /** Language of the texts, and region of numbers, money and dates (BCP 47). Default, and for unknown ones: the shop's. */
  locale?: string;
  /** Named settings made by the merchant. Default: the widget's own. */
  placement?: string;
  /** The product's handle, as in its address in the shop, instead of product_id. */
  product_handle?: string;
  /** The product whose stars are shown. */
  product_id?: string;
  /** Up to 100 products, separated by commas, instead of one. */
  product_ids?: string;
}

export interface ReferralParams {
  /** A friend's code to check; nobody needs to be signed in for that. */
  code?: string;
  /** Language of the texts, and region of numbers, money and dates (BCP 47). Default, and for unknown ones: the shop's. */
  locale?: string;
  /** Named settings made by the merchant. Default: the widget's own. */
  placement?: string;
  /** What became of the request for a code, after a form without JavaScript. */
  result?: "accepted";
}

export interface ReviewsParams {
  /** Reviews per page. Default: the merchant's. */
  limit?: number | string;
  /** Language of the texts, and region of numbers, money and dates (BCP 47). Default, and for unknown ones: the shop's. */
  locale?: string;
  /** 1: only reviews with photos or videos. */
  media?: boolean;
  /** Which page; one beyond the end gives the last. */
  page?: number | string;
  /** Named settings made by the merchant. Default: the widget's own. */
  placement?: string;
  /** The product's handle, as in its address in the shop, instead of product_id. */
  product_handle?: string;
  /** The product whose reviews are shown. */
  product_id?: string;
  /** Only reviews with this many stars. */
  rating?: 1 | 2 | 3 | 4 | 5 | "1" | "2" | "3" | "4" | "5";
  /** What became of a review that was just sent, for the message above the list. */
  result?: "pending" | "published" | "accepted";
  /** Order. Default: the merchant's. */
  sort?: "newest" | "highest" | "lowest" | "helpful";
  /** 1: with the form for a review; such an answer is never stored. */
  write?: boolean;
}

export interface UpsellParams {
  /** What the cart costs, for example 49.90. Sumeru is told a rounded amount. */
  cart_total?: string;
  /** The cart's currency (ISO 4217). Default: the shop's. */
  currency?: string;
  /** Most offers. Default: the merchant's. */
  limit?: number | string;
  /** Language of the texts, and region of numbers, money and dates (BCP 47). Default, and for unknown ones: the shop's. */
  locale?: string;
  /** Named settings made by the merchant. Default: the widget's own. */
  placement?: string;
  /** The products in the cart, separated by commas. None: nothing is shown. */
  product_ids?: string;
}

/** Parameters by the widget's type. */
export interface WidgetParams {
  ab_experiment: AbExperimentParams;
  bundles: BundlesParams;
  cart_nudge: CartNudgeParams;
  product_feed: ProductFeedParams;
  quiz: QuizParams;
  rating_badge: RatingBadgeParams;
  referral: ReferralParams;
  reviews: ReviewsParams;
  upsell: UpsellParams;
}

export type WidgetType = keyof WidgetParams;

/** Many widgets in one answer, in request order. */
export interface BatchAnswer {
  v: number;
  css: string;
  items: (BatchItem)[];
}

/** Why one widget of a batch is not there. Without a request's id: equal batches have equal bytes. */
export interface BatchError {
  /** Stable; one of the documented codes. */
  code: string;
  /** For developers, in English. */
  message: string;
  /** What to change, by parameter. */
  details?: Record<string, unknown>;
}

/** One widget of a batch. */
export interface BatchItem {
  /** live: ask the other address. alone: this answer was full, ask for it without the others. */
  state: "ready" | "empty" | "pending" | "live" | "alone" | "error";
  status: number;
  html: string;
  retry_after_s?: number;
  error?: BatchError;
}

/** An error as data. */
export interface ErrorAnswer {
  error: ErrorBody;
}

/** What every error holds. */
export interface ErrorBody {
  /** Stable; one of the documented codes. */
  code: string;
  /** For developers, in English. */
  message: string;
  /** What to change, by parameter. */
  details: Record<string, unknown>;
  /** Stands in the server's log, too. */
  request_id: string;
}

/** One event, in the shape that Sumeru takes. Unknown fields are dropped. */
export interface EventFields {
  /** Made by the browser; the same id counts once. */
  id: string;
  /** For example page_view, cart, or a custom kind. */
  type: string;
  /** ISO 8601; at most two days old. */
  occurred_at: string;
  /** The visitor. */
  visitor_id?: string;
  /** The visit. */
  session_id?: string;
  /** The page. */
  url?: string;
  /** Where from. */
  referrer?: string;
  /** Only granted is kept. */
  consent?: "granted" | "denied";
  /** Anything small: 4 kB, five levels deep. */
  properties?: Record<string, unknown>;
}

/** How many events were taken: those with consent. */
export interface EventsAnswer {
  accepted: number;
}

/** Up to 100 events. */
export interface EventsBody {
  events: (EventFields)[];
}

/** What a shopper submits: the answer to one question. */
export interface QuizSubmission {
  /** The question that is answered. */
  question: string;
  /** The options chosen; exactly one for a single choice. */
  option?: (string)[];
  /** The answers before this one. */
  answers?: string;
  /** The session; made when it is left out. */
  session?: string;
  /** From `data.form.token` of a private answer, at least two seconds old. */
  token: string;
  /** Idempotency key (8 to 80 letters, digits, _ and -), or the header Idempotency-Key. */
  key: string;
}

/** What a customer submits to get a code: nothing but who they are, which the token proves. */
export interface ReferralSubmission {
  /** From `data.form.token` of a private answer, at least two seconds old. */
  token: string;
  /** Idempotency key (8 to 80 letters, digits, _ and -), or the header Idempotency-Key. */
  key: string;
}

/** What a shopper may submit. Limits are Sumeru's where known, else what fits on a page. */
export interface ReviewsSubmission {
  /** 1 to 5 stars. */
  rating: number;
  /** A headline. */
  title?: string;
  /** The review. */
  body: string;
  /** Shown with the review. */
  name: string;
  /** Never shown. */
  email: string;
  /** Optional, passed on as it is typed; marks the review as a verified purchase. Left out above 190 characters. */
  order_id?: string;
  /** From `data.form.token` of a private answer, at least two seconds old. */
  token: string;
  /** Idempotency key (8 to 80 letters, digits, _ and -), or the header Idempotency-Key. */
  key: string;
}

/** What became of a submission. */
export interface SubmissionAnswer {
  /** The widget's word: pending, published, accepted, … */
  status: string;
  data: Record<string, unknown>;
}

/** A widget in its JSON form. */
export interface WidgetAnswer {
  widget: string;
  /** * `ready` - ready */
  state: "ready" | "empty" | "pending";
  /** The same bytes as the .html form. */
  html: string;
  /** What stands inside the shadow root. */
  inner_html: string;
  /** What the HTML was made of. */
  data: Record<string, unknown> | null;
  /** schema.org data for the page's head. */
  json_ld: Record<string, unknown> | null;
  css: string;
  lang: string;
  fresh: boolean;
  /** 0 while fresh, else the data's age in steps of 60 seconds. */
  age_s: number;
  /** Only when pending. */
  retry_after_s?: number;
}
