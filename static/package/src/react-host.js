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
  onError: 'sumeru:error',
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
  if (inner !== undefined && fromServer) {
    const style = inner ? `<style${nonce ? ` nonce="${escape(nonce)}"` : ''}>${css}</style>` : '';
    const link = inner && href ? `<a href="${escape(href)}">${escape(text)}</a>` : '';
    const html = `<template shadowrootmode="open">${style}${inner}</template>${link}`;
    return createElement('sumeru-widget', { ...props, dangerouslySetInnerHTML: { __html: html } });
  }
  return createElement('sumeru-widget', props, children ?? (href ? createElement('a', { href }, text) : null));
}

/** A block of data in a document from the server; nothing after a client navigation, which no search engine makes. */
export function Once({ json, nonce }) {
  if (!useServerHtml()) return null;
  return createElement('script', {
    type: 'application/ld+json',
    suppressHydrationWarning: true,
    ...(nonce ? { nonce } : {}),
    dangerouslySetInnerHTML: { __html: json },
  });
}
