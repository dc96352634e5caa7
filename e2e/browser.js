// Drives a page in headless Chromium: Converse.js, or Strophe.js as a page
// uses it (over BOSH it needs the browser's XMLHttpRequest). The page is served by
// the test on an origin of its own, so the browser's rules for foreign origins apply.
//
// It takes any certificate, since the tests' own authority is not among its roots.
//
// node browser.js PAGE-URL CHROMIUM
import { chromium } from 'playwright-core';
import { drive, emit, describe } from './driver.js';

const [pageURL, executablePath] = process.argv.slice(2);

const browser = await chromium.launch({
    executablePath,
    headless: true,
    args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', // nothing leaves the machine
    ],
});
const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
page.on('pageerror', (err) => emit('error', { text: 'page: ' + describe(err) }));
page.on('console', (msg) => console.error(`[${msg.type()}]`, msg.text()));
page.on('requestfailed', (req) => console.error('failed:', req.url()));
await page.exposeFunction('driverEmit', emit);
const ready = () => page.waitForFunction(() => window.driverReady === true);
await page.goto(pageURL);
await ready();

const inPage = (name) => (args) => page.evaluate(([n, a]) => window.driver[n](a), [name, args]);
drive({
    ...Object.fromEntries(['connect', 'join', 'send', 'typing', 'leave', 'close'].map((n) => [n, inPage(n)])),
    async reload(args) {
        await page.reload();
        await ready();
        await inPage('restore')(args);
    },
});
