r"""A stand-in Sumeru: a real HTTP server with the documented endpoints, limits and failures, for demonstration and tests.

Starting it
===========
``manage.py sandbox`` or, without Django, ``python -m sumeru_proxy.sandbox``; ``--help`` lists the options. When it is ready it
prints one line, ``sandbox ready at http://127.0.0.1:8900`` (with ``--json`` an object with ``url``, ``port`` and ``shops``).
Without ``--catalogue`` it serves two made-up shops. In a test::

    from sumeru_proxy.sandbox.server import running, small_catalogue

    with running(small_catalogue(), edge=False) as sandbox:
        sandbox.url, sandbox.control.add_faults({"kind": "status", "status": 503}), sandbox.calls()

What it speaks
==============
The nine public endpoints below ``/api/public/`` (referral also at ``/api/referral/public``) and the admin API below ``/api/v1/``.
Limits are sliding windows of 60 s; an admin token may use a third of its minute within 10 s. A refused call is not counted. A
pixel call costs one per event (the bulk calls of the documentation), a read one, by ids too unless ``bulk_cost`` says otherwise, an
``X-Cache: HIT`` nothing. The client's address is the socket's, or the request header ``X-Sandbox-Client-IP``. ``attributions``
and ``orders`` are in admin answers only when ``include`` asks for them. Filters: ``filter[field]=v`` (dotted paths; several
values by comma) and ``filter[field][gt|gte|lt|lte]=v``; lists sort by any field. A page of a list costs the same however long the
list is (``shelf``), after the first one that sorts by a field. Pictures are at ``/media/<name>.svg``:
a file of ``drawings/`` in tones that follow from the name.

``--as strange`` (``Sandbox(personality="strange")``) reads the same documentation otherwise: see ``strange``.

Control API
===========
Below ``/_sandbox/``, on the loopback interface only, no credential. Answers are ``{"data": ...}``; ``shop`` (a domain) in the
query or body picks a shop, the first one unless given. Changes purge the shop's edge copies unless ``"edge": "keep"`` is sent.

==========================================  ========================================================================
``GET /_sandbox/``                          shops, clock, URL
``GET|POST /_sandbox/faults``               active faults; add one (an object) or several (a list)
``DELETE /_sandbox/faults[/{id}]``          end all, or one
``GET /_sandbox/calls[?recent=N]``          counts per endpoint, shop, status; busiest minute per surface; latest calls
``DELETE /_sandbox/calls``                  count from nothing
``GET|POST /_sandbox/clock``                ``{shift_s}``, ``{set: ISO time}``, ``{freeze: bool}``
``GET|DELETE /_sandbox/writes``             everything written, per kind, each with ``idempotency_key``, ``applied``, ``received``
``GET|POST /_sandbox/limits``               ``{on: bool, set: {public_reads_per_ip: 100}, forget: true}``
``GET|POST /_sandbox/habits``               ``{comparison_filters: honoured|ignored|refused, sort: honoured|ignored, bulk_cost: call|item}``
``POST|DELETE /_sandbox/edge``              ``{on: bool}``; purge (of ``shop``, or all)
``POST /_sandbox/webhooks/emit``            ``{type, data, id?, created_at?, copies?, tamper?: signature|body|unsigned}``
``GET /_sandbox/webhooks/subscriptions``    all of them, without secrets
``GET /_sandbox/webhooks/deliveries``       ``?state=pending|delivered|dead``; dead ones are the dead letters
``POST .../webhooks/deliveries/{id}/replay``  send again
``POST /_sandbox/reviews/publish``          ``{id}``, ``{product_id}`` or all pending ones
``PATCH|DELETE /_sandbox/reviews/{id}``     change fields; withdraw
``POST /_sandbox/products/{id}/reviews``    add a published review; every field has a default
``PATCH /_sandbox/products/{id}``           change fields
``POST /_sandbox/orders``                   ``{order: {id, ...}}``: add, or change fields; emits nothing
``POST /_sandbox/orders/generate``          ``{count, seed?, since?, every_s?, not_after?, changed?}``: draw; emits nothing
``POST /_sandbox/orders/step``              ``{id, step, silent?, ...}``: attributed, edited, refunded or cancelled, with event
``GET|POST|DELETE /_sandbox/orders/live``   ``{count, seed?, steps?, repeat?, lose?, reach?, every_s?, pause_s?, later_event?}``
``PATCH /_sandbox/shops/{domain}``          ``{origins: [...], auto_publish: bool}``
``POST /_sandbox/reset``                    back to the catalogue; clock and limits' figures stay
``POST /_sandbox/stop``                     end the process
==========================================  ========================================================================

Made-up orders
==============
``--orders N --seed S`` (``Sandbox(orders=N, seed=S)``, ``orders/generate``) draws orders ``ord_g1`` and following for the first shop
(or ``shop``), the same for the same seed, with every odd case within any thousand; ``orders.generator`` names them, and
``resources_orders`` of the client how they add up, which they do to the smallest unit. ``orders/live`` lets ``count`` new ones be created,
attributed, edited, refunded and cancelled (``steps``: what each goes through, drawn unless given) with the event of each step;
events are lost and repeated with the probabilities ``lose`` and ``repeat``, and late by up to ``reach`` steps. The answer names the
orders whose last change nothing announced (``unannounced``). With ``pause_s`` it goes on in the background, ``DELETE`` ends it.
``orders/step`` takes ``quantities`` (edited: line id to pieces), ``pieces``, ``shipping``, ``goodwill`` (refunded: pieces by line id;
minor units), ``reason``; drawn when none is given.

Faults
======
``{"kind": ..., "endpoint": "*", "shop": null, "method": null, "times": null, "probability": 1}`` plus the kind's options.
``endpoint`` is a name (``reviews``, ``reviews-submit``, ``customer-update`` and so on, see ``endpoints.ENDPOINT_NAMES``), a pattern
with ``*``, or one of the groups ``public``, ``admin``, ``writes``. On the command line:
``--fault reviews:latency,seconds=2,times=3`` or a JSON object (lists of paths are joined by ``+``). Several faults may strike one call.

Nothing is done: ``latency`` (``seconds``, then all goes on), ``hang``, ``429`` (``retry_after``: any value, null for none), ``status``
(``status``, ``code``), ``reset`` (TCP RST), ``html`` (a page with status 200, or ``status``). These bypass the edge cache.
Done, then spoiled: ``lose_answer``, ``truncate`` (``bytes`` sent), ``malformed``, ``huge`` (``bytes``, 20 MiB), ``missing_fields``
(``paths``, dotted, ``*`` for all), ``wrong_types`` (``paths``, ``value``), ``drip`` (``interval_s`` per byte), ``empty``, ``headers``
(``headers``: set or override), ``body`` (``base64``: these very bytes instead; ``status``, ``headers``).

State
=====
``--state FILE`` is a journal: one line per call, flushed before the answer. Clock, counts, faults and edge copies are not kept.

Catalogue, version 1
====================
``{"version": 1, "name": ..., "shops": [shop, ...]}``; ``catalogues/schema.json`` (JSON Schema) is the exact format, ``demo.json``
and ``small.json`` beside it are the built-in shops. In a file, a time (``created_at``, ``updated_at``, ``occurred_at``) may be an age:
``-P3DT2H`` is three days and two hours before the start of the day (UTC) on which the file is read. A shop has ``domain``,
``currency``, ``public_key``, ``products`` and may have ``name``, ``origins``, ``tokens`` (``id, token, name, plan``; ``scopes``
unless it has all), ``auto_publish``, ``collections`` (``handle, title``), ``reviews``, ``customers``, ``orders``, ``bundles``,
``upsell_rules``, ``quizzes``, ``experiments``, ``nudges``, ``referral``. Products, reviews, customers and orders have the fields of
the API, except that a product has ``collections`` (handles) and no ``rating``, a review has ``product_id`` and may be
``"status": "pending"``. In the URLs of products, pictures and the referral, ``{base}`` becomes the sandbox's own URL and
``{storefront}`` the ``--storefront`` (or ``https://DOMAIN``).

* bundle: ``{id, title, description, items: [{product_id, quantity}], discount: {kind, value}, shown_on?: [product_id]}``
* upsell rule: ``{product_ids, reason, if_product_ids?, if_collections?, discount?, max_share_of_cart?}``, tried in order
* quiz: ``{id, title, questions: [{id, text, kind, next?, options: [{id, label, image?, points?, next?}]}]}``; ``points`` maps
  a product id, ``tag:x`` or ``collection:x`` to a score; ``next`` is a later question or ``end``
* experiment: ``{name, variants: [{name, weight, payload}]}``
* nudge: ``{id, kind, message, threshold?, min_total?, min_items?, cta?, expires_after_s?}``; the first that applies is shown
* referral: ``{reward, share_url, claimed: [customer_id]}``; ``{code}`` stands for the customer's code
"""
