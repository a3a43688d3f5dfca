/** What a careless client component may import; the tests bundle it for browsers. */
import { SumeruWidget } from 'sumeru-widgets/react';
import { createWidgets } from 'sumeru-widgets/server';
import { cspSources } from 'sumeru-widgets/csp';

console.log(SumeruWidget, createWidgets, cspSources);
