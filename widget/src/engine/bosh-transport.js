// A file of its own in the bundle: see bosh.ts.
export { default } from '../../node_modules/strophe.js/src/transports/bosh.ts';
