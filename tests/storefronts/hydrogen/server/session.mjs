import { createCookieSessionStorage } from 'react-router';

/** The session in a signed cookie. */
export class AppSession {
  isPending = false;
  #storage;
  #session;

  constructor(storage, session) {
    this.#storage = storage;
    this.#session = session;
  }

  static async init(request, secrets) {
    const cookie = { name: 'session', httpOnly: true, path: '/', sameSite: 'lax', secrets };
    const storage = createCookieSessionStorage({ cookie });
    return new this(storage, await storage.getSession(request.headers.get('Cookie')));
  }

  get(key) {
    return this.#session.get(key);
  }

  set(key, value) {
    this.isPending = true;
    this.#session.set(key, value);
  }

  unset(key) {
    this.isPending = true;
    this.#session.unset(key);
  }

  commit() {
    this.isPending = false;
    return this.#storage.commitSession(this.#session);
  }
}
