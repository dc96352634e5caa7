// Strophe's BOSH, which few visitors need: a file of its own, fetched when it is to be used. In the bundle strophe's connection
// finds, in the place of that transport, the default export of this file (strophe-lean.mjs).

type Transport = new (connection: unknown) => object;

let real: Transport | undefined;

/** Has the transport fetched, once. It rejects if that fails, and may be called again. */
export async function fetchBosh(): Promise<void> {
  real ??= (await import('./bosh-transport.js')).default;
}

/** What strophe makes; it is the real transport. */
export default class Bosh {
  constructor(connection: unknown) {
    return new real!(connection);
  }
  static [Symbol.hasInstance](x: unknown): boolean {
    return real !== undefined && typeof x === 'object' && x !== null && real.prototype.isPrototypeOf(x);
  }
}
