#!/usr/bin/env node
// Stands in for Debian's firefox-esr where Playwright starts it over WebDriver BiDi (docs/decisions/0047-browsers.md):
// passes the protocol through, and answers by itself the commands that this Firefox doesn't know yet and
// that Playwright sends for each context.
import { spawn } from 'node:child_process';
import { WebSocket, WebSocketServer } from 'ws';

const unknown = new Set(['emulation.setMediaFeaturesOverride']);
const announcement = /WebDriver BiDi listening on (ws:\/\/\S+)\n/;

const firefox = spawn('firefox-esr', process.argv.slice(2), { stdio: ['ignore', 'inherit', 'pipe'] });
firefox.on('error', (err) => {
    console.error(String(err));
    process.exit(1);
});
firefox.on('exit', (code) => process.exit(code ?? 1));

let said = '';
firefox.stderr.on('data', (chunk) => {
    if (said === null) return void process.stderr.write(chunk);
    said += chunk;
    const found = announcement.exec(said);
    if (!found) return;
    said = null;
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, () => {
        console.error(`WebDriver BiDi listening on ws://127.0.0.1:${server.address().port}`);
    });
    server.on('connection', (client, req) => passThrough(client, found[1] + req.url));
});

function passThrough(client, address) {
    const browser = new WebSocket(address, { maxPayload: 1 << 28 }); // pictures are large
    const early = [];
    browser.on('open', () => early.splice(0).forEach((text) => browser.send(text)));
    browser.on('message', (data) => client.send(String(data)));
    browser.on('error', (err) => console.error(String(err)));
    client.on('message', (data) => {
        const text = String(data);
        const { id, method } = JSON.parse(text);
        if (unknown.has(method)) client.send(JSON.stringify({ type: 'success', id, result: {} }));
        else if (browser.readyState === WebSocket.OPEN) browser.send(text);
        else early.push(text);
    });
    client.on('close', () => browser.close());
    browser.on('close', () => client.close());
}
