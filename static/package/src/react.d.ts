import type { ReactElement, ReactNode } from 'react';
import type { WidgetParams, WidgetType } from './api.d.ts';
import type { WidgetResult } from './server.d.ts';

export interface SumeruEventDetail {
  /** Version of the event's shape. */
  v: 1;
  type: string;
  /** The widget with its parameters: `reviews?product_id=prd_1`. */
  key: string;
}
export interface AddToCartDetail extends SumeruEventDetail {
  items: { variant_id: string; quantity: number }[];
  source: string;
  id?: string;
}
export interface NavigateDetail extends SumeruEventDetail {
  href: string;
}
export interface SubmitDetail extends SumeruEventDetail {
  formData: URLSearchParams;
}
export interface ErrorDetail extends SumeruEventDetail {
  error: unknown;
  url?: string;
}

/** Only from client components: functions do not cross from a server component. */
export interface SumeruEvents {
  onReady?(event: CustomEvent<SumeruEventDetail>): void;
  onEmpty?(event: CustomEvent<SumeruEventDetail>): void;
  onPage?(event: CustomEvent<SumeruEventDetail>): void;
  /** `preventDefault()` keeps the form from being sent. */
  onBeforeSubmit?(event: CustomEvent<SubmitDetail>): void;
  onSubmit?(event: CustomEvent<SumeruEventDetail>): void;
  /** `preventDefault()` says that your cart has it; otherwise the link to the cart is followed. */
  onAddToCart?(event: CustomEvent<AddToCartDetail>): void;
  /** A link out of the widget was clicked. `preventDefault()` says that your router goes there. */
  onNavigate?(event: CustomEvent<NavigateDetail>): void;
  onError?(event: CustomEvent<ErrorDetail>): void;
}

interface Common extends SumeruEvents {
  /** Text of the link that stands there until the widget is shown, and where it cannot be. */
  label?: string;
  /** Where that link leads; a result knows it. */
  href?: string;
  /** The page's nonce, for the widget's style element. */
  nonce?: string;
  className?: string;
  id?: string;
  /** Instead of the link; also the slots of `ab_experiment`. Such a widget is always filled in by the loader. */
  children?: ReactNode;
}

type Camel<S extends string> = S extends `${infer A}_${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S;
/** A widget's parameters as properties: `productId`. */
export type WidgetProperties<T extends WidgetType> = { [K in keyof WidgetParams[T] as Camel<K & string>]: WidgetParams[T][K] };

export type SumeruWidgetProps =
  | (Common & { result: WidgetResult; type?: undefined })
  | { [T in WidgetType]: Common & WidgetProperties<T> & { type: T; result?: undefined } }[WidgetType];

/** A widget: with a `result` of `fetchWidget` as the page's own HTML, else filled in by the loader. */
export function SumeruWidget(props: SumeruWidgetProps): ReactElement;

/** The loader's tag, for the root layout. */
export function SumeruScript(props: {
  /** Address of the widget server. */
  url: string;
  shop: string;
  nonce?: string;
  /** For a pinned build: its address and hash. */
  src?: string;
  integrity?: string;
}): ReactElement;

/** schema.org data of the page, once per page: objects with the same `@id` become one. */
export function SumeruJsonLd(props: {
  results?: readonly WidgetResult[];
  /** The storefront's own. */
  data?: Record<string, unknown> | Record<string, unknown>[];
  nonce?: string;
}): ReactElement | null;

export interface SumeruWidgetElementAttributes {
  type: WidgetType;
  class?: string;
  id?: string;
  live?: '';
  params?: string;
  children?: ReactNode;
  ref?: unknown;
  [attribute: `${string}-${string}`]: string | undefined;
  currency?: string;
  experiment?: string;
  page?: string;
  limit?: string;
  sort?: string;
  rating?: string;
  locale?: string;
  collection?: string;
  placement?: string;
  media?: string;
}

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'sumeru-widget': SumeruWidgetElementAttributes;
    }
  }
}
