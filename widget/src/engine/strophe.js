// The parts of strophe.js that the widget needs. Its entry point would put names into the page's global scope and bring every
// SASL mechanism along; strophe-lean.mjs leaves those out of the bundle.
export { default as Connection } from '../../node_modules/strophe.js/src/connection.ts';
export { default as SASLAnonymous } from '../../node_modules/strophe.js/src/sasl-anon.ts';
export { default as SASLMechanism } from '../../node_modules/strophe.js/src/sasl.ts';
export { default as log } from '../../node_modules/strophe.js/src/log.ts';
export { Status } from '../../node_modules/strophe.js/src/constants.ts';
