'use client';
import { createElement, useEffect, useRef, useState, useSyncExternalStore } from 'react';

const never = () => () => {};
const yes = () => true;
const no = () => false;

/**
 * Whether this instance began as HTML from the server. Stays what it was at first: on the server and while hydrating true, for
 * what a client navigation makes false, because `innerHTML` makes no shadow roots (and Trusted Types forbid it).
 */
const useServerHtml = () => useState(useSyncExternalStore(never, no, yes))[0];

const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Event properties by the loader's events. */
const EVENTS = {
  onReady: 'sumeru:ready',
  onEmpty: 'sumeru:empty',
  onPage: 'sumeru:page',
  onBeforeSubmit: 'sumeru:before-submit',
  onSubmit: 'sumeru:submit',
  onAddToCart: 'sumeru:add-to-cart',
  onNavigate: 'sumeru:navigate',
  onError: 'sumeru:error',
};

/**
 * The same object as long as the text is the same: React before 19.3 sets `innerHTML` again for every new one, which empties the
 * element after hydration (and is refused where Trusted Types are demanded).
 */
const useMarkup = (html) => {
  const kept = useRef(null);
  if (kept.current?.__html !== html) kept.current = { __html: html };
  return kept.current;
};

/** The element. With `inner` the server's HTML is adopted, else it holds its link until the loader fills it. */
export function Host({ attributes, live, inner, css, href, label, nonce, className, id, children, ...events }) {
  const fromServer = useServerHtml();
  const element = useRef(null);
  const latest = useRef(events);
  useEffect(() => {
    latest.current = events;
  });
  useEffect(() => {
    const target = element.current;
    const listeners = Object.entries(EVENTS).map(([property, name]) => [
      name,
      (event) => event.target === target && latest.current[property]?.(event),
    ]);
    listeners.forEach(([name, listener]) => target.addEventListener(name, listener));
    return () => listeners.forEach(([name, listener]) => target.removeEventListener(name, listener));
  }, []);
  const props = {
    ...attributes,
    ref: element,
    suppressHydrationWarning: true,
    ...(live ? { live: '' } : {}),
    ...(className ? { class: className } : {}),
    ...(id ? { id } : {}),
  };
  const text = label || 'Show';
  const whole = inner !== undefined && fromServer;
  const markup = useMarkup(whole ? contentOf({ inner, css, href, text, nonce }) : '');
  if (whole) return createElement('sumeru-widget', { ...props, dangerouslySetInnerHTML: markup });
  return createElement('sumeru-widget', props, children ?? (href ? createElement('a', { href }, text) : null));
}

/** What a host holds that came with its content. */
const contentOf = ({ inner, css, href, text, nonce }) => {
  const style = inner ? `<style${nonce ? ` nonce="${escape(nonce)}"` : ''}>${css}</style>` : '';
  const link = inner && href ? `<a href="${escape(href)}">${escape(text)}</a>` : '';
  return `<template shadowrootmode="open">${style}${inner}</template>${link}`;
};

/** A block of data in a document from the server; nothing after a client navigation, which no search engine makes. */
export function Once({ json, nonce }) {
  const fromServer = useServerHtml();
  const markup = useMarkup(json);
  if (!fromServer) return null;
  return createElement('script', {
    type: 'application/ld+json',
    suppressHydrationWarning: true,
    ...(nonce ? { nonce } : {}),
    dangerouslySetInnerHTML: markup,
  });
}
