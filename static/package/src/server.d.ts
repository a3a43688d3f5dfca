import type { WidgetParams, WidgetType } from './api.d.ts';
import type { DataOf } from './data.d.ts';

export type { WidgetParams, WidgetType };
export type * from './data.d.ts';

/** What went wrong. `code` is stable: one of the API's, or `timeout`, `aborted`, `unreachable`, `invalid_answer`, `invalid_call`. */
export interface WidgetProblem {
  code: string;
  message: string;
  /** HTTP status, when there was an answer. */
  status?: number;
  details?: Record<string, unknown>;
}

interface Common<T extends WidgetType> {
  type: T;
  /** As the API writes them: `product_id`. */
  params: Record<string, string>;
  /** The widget's own page: where its link leads. */
  href: string;
  /** About one visitor: must not get into a cache that visitors share. */
  isPrivate: boolean;
  /** Whether the data is as new as the server wants it; an older copy is shown while Sumeru cannot be reached. */
  fresh: boolean;
  /** Seconds, in steps of 60; 0 while fresh. */
  ageS: number;
}

export interface FinishedWidget<T extends WidgetType = WidgetType> extends Common<T> {
  state: 'ready' | 'empty';
  /** The whole element with its declarative shadow root. */
  html: string;
  /** What stands inside the shadow root. */
  innerHtml: string;
  css: string;
  /** What the HTML was made of; null when empty, and from a batch. */
  data: DataOf<T> | null;
  /** schema.org data; null when there is none, and from a batch. */
  jsonLd: Record<string, unknown> | null;
  error?: undefined;
}

interface Unfinished<T extends WidgetType> extends Common<T> {
  /** The element with its link, for the loader to fill; empty for a call that could not be made, and from `forLoader`. */
  html: string;
  innerHtml: '';
  css: '';
  data: null;
  jsonLd: null;
}

/** Not there yet, or for one visitor only: render it all the same, the loader fills it in. */
export interface PendingWidget<T extends WidgetType = WidgetType> extends Unfinished<T> {
  state: 'pending';
  /** Seconds. */
  retryAfterS?: number;
  error?: undefined;
}

export interface FailedWidget<T extends WidgetType = WidgetType> extends Unfinished<T> {
  state: 'error';
  error: WidgetProblem;
}

export type WidgetResult<T extends WidgetType = WidgetType> = FinishedWidget<T> | PendingWidget<T> | FailedWidget<T>;

export interface FetchOptions {
  /** Text of the link in `html`, as long as there is no content; `Show` unless given. */
  label?: string;
  /** From `sumeru-widgets/customer-token`; sent in the Authorization header, never in an address. Such an answer is not cached. */
  customerToken?: string;
  /** Milliseconds for this call, instead of `createWidgets`'. */
  timeoutMs?: number;
  signal?: AbortSignal;
  headers?: Record<string, string>;
  /** Next.js: seconds and tags of its fetch cache. What is not finished is answered 202 and not kept there. */
  next?: { revalidate?: number | false; tags?: string[] };
  cache?: RequestCache;
}

/**
 * A request in parts, for `withCache.fetch(url, init, {cacheKey, displayName, shouldCacheResponse, cacheStrategy})` of Hydrogen,
 * which rejects when there is no answer; `withCache.run` around `fetchWidget` never does.
 */
export interface WidgetRequest<T extends WidgetType = WidgetType> {
  url: string;
  /** Holds a timeout that runs from now: make the request at once. */
  init: RequestInit & { headers: Record<string, string> };
  cacheKey: [string, string];
  displayName: string;
  /** The body that came, or null, as a result. */
  read(body: unknown): WidgetResult<T>;
  /** False for everything but a finished public widget. */
  shouldCacheResponse(body: unknown, response: { status: number }): boolean;
  /** The same for `withCache.run`, whose value is the result. */
  shouldCacheResult(result: WidgetResult): boolean;
}

export interface WidgetWish<T extends WidgetType = WidgetType> {
  type: T;
  params?: WidgetParams[T];
}

export interface Widgets {
  /** The server's address, without a slash at the end. */
  url: string;
  shop: string;
  /** Address of the loader. */
  scriptUrl: string;
  /** One widget with its data and structured data. One try; never rejects. */
  fetchWidget<T extends WidgetType>(type: T, params?: WidgetParams[T], options?: FetchOptions): Promise<WidgetResult<T>>;
  /**
   * Many public widgets in one request per 60, in the order of the wishes. One try; never rejects for what the server does.
   *
   * @throws {TypeError} (as a rejection) when a customer token is given
   */
  fetchWidgets<const W extends readonly WidgetWish[]>(
    wishes: W,
    options?: Omit<FetchOptions, 'customerToken'>,
  ): Promise<{ -readonly [I in keyof W]: WidgetResult<W[I]['type']> }>;
  /** @throws {TypeError} for a type or parameter that could not be asked for */
  widgetRequest<T extends WidgetType>(type: T, params?: WidgetParams[T], options?: FetchOptions): WidgetRequest<T>;
  /** A result without a request, which the loader fills in: for what only a visitor's browser should ask. */
  placeholder<T extends WidgetType>(type: T, params?: WidgetParams[T], options?: Pick<FetchOptions, 'label'>): PendingWidget<T>;
}

/** The widget as attributes of `<sumeru-widget>`, for a template of your own. */
export function attributesOf(type: WidgetType, params: Record<string, unknown>): Record<string, string>;

/** @throws {TypeError} for an address or a key that cannot be one */
export function createWidgets(options: {
  /** Address of the widget server. */
  url: string;
  /** The shop's public key, `data-shop` in the embed code. */
  shop: string;
  /** Milliseconds that a page waits for a request; 800 unless given. */
  /** The shop's server key; default: the variable SUMERU_SERVER_KEY. Only on a server. */
  serverKey?: string;
  timeoutMs?: number;
  fetch?: typeof fetch;
  /** Added to every request. */
  headers?: Record<string, string>;
}): Widgets;

/**
 * The result for the return value of a React Router or Hydrogen loader: rendered on the server it is whole, but the copy for the
 * browser, which hydrates what is on the page already, is sent without HTML and CSS. Without `html` and `data` on both sides.
 */
export function forLoader<T extends WidgetType>(result: WidgetResult<T>): WidgetResult<T>;

/** Whether a shared cache may keep it: finished, and the same for every visitor. */
export function isCacheable(result: WidgetResult): boolean;
