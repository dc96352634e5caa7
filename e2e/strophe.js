// Drives Strophe.js in Node, over WebSocket.
import * as lib from 'strophe.js';
import { drive, emit, Session } from './driver.js';
import { StropheClient } from './strophe-room.js';

const client = new StropheClient(lib, emit, new Session());
drive({
    connect: (args) => client.connect(args),
    join: (args) => client.join(args),
    send: (args) => client.send(args),
    typing: (args) => client.typing(args),
    leave: () => client.leave(),
    close: () => client.close(),
});
