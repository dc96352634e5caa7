// Drives Strophe.js in Node, over WebSocket; with the argument `resumes` with stream management.
import WebSocket from 'ws';
import * as lib from 'strophe.js';
import { drive, emit, Session } from './driver.js';
import { StropheClient } from './strophe-room.js';

// Strophe takes its handlers off before it closes a socket that has failed; in a page nobody
// minds, in Node the error of that close would end the process.
globalThis.WebSocket = class extends WebSocket {
    constructor(...args) {
        super(...args);
        this.on('error', () => {});
    }
};

const client = new StropheClient(lib, emit, new Session());
drive({
    connect: (args) => client.connect(args, process.argv[2] === 'resumes'),
    join: (args) => client.join(args),
    send: (args) => client.send(args),
    typing: (args) => client.typing(args),
    leave: () => client.leave(),
    close: () => client.close(),
});
