import * as lib from '/node_modules/strophe.js/dist/strophe.esm.js';
import { StropheClient } from '/strophe-room.js';
import { emit, Session } from './session.js';

window.driver = new StropheClient(lib, emit, new Session());
window.driverReady = true;
