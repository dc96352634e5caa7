// Drives a real browser for the Go tests of the widget and the desk page: any number of people, each with a context
// of his own, who do what people do: find things by role and name, click, type, look.
//
// node web.js chromium|firefox PROGRAM
//
// Each command {"do":"call","n":1,"op":"click",…} is answered by one event {"event":"answer","n":1,"result":…} or
// {"event":"answer","n":1,"error":"…"}.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as playwright from 'playwright-core';
import { drive, emit, describe } from './driver.js';

const [kind, executablePath] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// All that is not on this machine is unknown. `plain.example` is the shop on an origin that is no secure context.
const resolve = 'MAP plain.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost';
const launch = {
    chromium: () => playwright.chromium.launch({
        executablePath,
        args: [
            '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
            '--disable-sync', '--no-first-run', '--autoplay-policy=no-user-gesture-required', `--host-resolver-rules=${resolve}`,
        ],
    }),
    firefox: () => playwright.firefox.launch({
        channel: 'moz-firefox', // WebDriver BiDi
        executablePath,
        firefoxUserPrefs: {
            'network.proxy.type': 0,
            'network.dns.disabled': false,
            'browser.safebrowsing.malware.enabled': false,
            'browser.safebrowsing.phishing.enabled': false,
            'network.captive-portal-service.enabled': false,
            'network.connectivity-service.enabled': false,
            'services.settings.server': 'data:,',
        },
    }),
};
const browser = await launch[kind]();

const contexts = new Map(); // name -> context
const pages = new Map(); // name -> {page, said}

// What a page's tests are told of its world, from before its first script: reports of all kinds, and what was stored.
function watch() {
    const reports = (window.testReports = []);
    const report = (e) => reports.push(`${e.effectiveDirective ?? e.type}: ${e.blockedURI ?? ''} ${e.sample ?? ''} ${e.sourceFile ?? ''}:${e.lineNumber ?? ''}`);
    document.addEventListener('securitypolicyviolation', report);
    if (window.ReportingObserver) {
        new ReportingObserver((list) => list.forEach((r) => reports.push(`${r.type}: ${JSON.stringify(r.body)}`)), { buffered: true }).observe();
    }
    window.testCost = { tasks: [], shift: 0 };
    const types = window.PerformanceObserver?.supportedEntryTypes ?? [];
    if (types.includes('longtask')) {
        new PerformanceObserver((list) => list.getEntries().forEach((e) => window.testCost.tasks.push(e.duration))).observe({ type: 'longtask', buffered: true });
    }
    if (types.includes('layout-shift')) {
        new PerformanceObserver((list) => list.getEntries().forEach((e) => (window.testCost.shift += e.value))).observe({ type: 'layout-shift', buffered: true });
    }
}

// Tests look into shadow roots that are closed for everybody else.
function openRoots() {
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (init) {
        return attach.call(this, { ...init, mode: 'open' });
    };
}

// Waits for the animations that have an end.
async function settled() {
    const roots = [document, ...[...document.querySelectorAll('*')].map((e) => e.shadowRoot).filter(Boolean)];
    const moving = roots.flatMap((r) => r.getAnimations()).filter((a) => Number.isFinite(a.effect?.getComputedTiming().endTime));
    await Promise.allSettled(moving.map((a) => a.finished));
}

function remember(name, page) {
    const said = [];
    pages.set(name, { page, said });
    page.setDefaultTimeout(120_000);
    page.on('pageerror', (err) => said.push('page error: ' + describe(err)));
    page.on('console', (msg) => {
        if (['error', 'warning', 'assert'].includes(msg.type())) said.push(`${msg.type()}: ${msg.text()} (${msg.location().url}:${msg.location().lineNumber})`);
    });
    page.on('close', () => pages.get(name)?.page === page && pages.delete(name));
    return page;
}

const pattern = (s) => {
    const re = /^\/(.*)\/(\w*)$/s.exec(s ?? '');
    return re ? new RegExp(re[1], re[2]) : s;
};

// A place on a page: [{role,name},{text},…], each within the one before.
function find(page, at) {
    let where = page;
    for (const { role, name, text, label, css, exact, has, nth } of at) {
        if (role) where = where.getByRole(role, { name: pattern(name), exact });
        else if (label) where = where.getByLabel(pattern(label), { exact });
        else if (css) where = where.locator(css);
        else where = where.getByText(pattern(text), { exact });
        if (has) where = where.filter({ hasText: pattern(has) });
        if (nth !== undefined) where = where.nth(nth);
    }
    return where;
}

const parsed = (code) => (0, eval)(`(${code})`); // a function's text

const of = (args) => {
    const found = pages.get(args.page);
    if (!found) throw new Error(`there is no page ${args.page}`);
    return found.page;
};
const at = (args) => find(of(args), args.at);

const ops = {
    async context({ name, roots = 'open', options = {} }) {
        const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
        await context.addInitScript(watch);
        if (roots === 'open') await context.addInitScript(openRoots);
        contexts.set(name, context);
    },
    async initScript({ context, code }) {
        await contexts.get(context).addInitScript(parsed(code));
    },
    async open({ context, page, url }) {
        await remember(page, await contexts.get(context).newPage()).goto(url);
    },
    // What a click opens in a tab of its own.
    async popup(args) {
        const [opened] = await Promise.all([of(args).waitForEvent('popup'), at(args).click()]);
        remember(args.as, opened);
        await opened.waitForLoadState();
    },
    goto: async (args) => void (await of(args).goto(args.url)),
    reload: async (args) => void (await of(args).reload()),
    back: async (args) => void (await of(args).goBack()),
    url: (args) => of(args).url(),
    close: (args) => of(args).close({ runBeforeUnload: false }),
    async leave({ context }) {
        await contexts.get(context).close();
        contexts.delete(context);
    },
    click: (args) => at(args).click({ force: args.force }),
    hover: (args) => at(args).hover(),
    focus: (args) => at(args).focus(),
    fill: (args) => at(args).fill(args.text),
    type: (args) => at(args).pressSequentially(args.text),
    press: (args) => (args.at?.length ? at(args).press(args.key) : of(args).keyboard.press(args.key)),
    check: (args) => at(args).check({ force: args.force }),
    select: (args) => at(args).selectOption(args.text),
    upload: (args) => at(args).setInputFiles({ name: args.name, mimeType: args.type, buffer: Buffer.from(args.base64, 'base64') }),
    wait: (args) => at(args).filter({ visible: true }).first().waitFor({ state: args.state ?? 'visible' }), // one is there, or none
    async count(args) {
        return at(args).count();
    },
    texts: (args) => at(args).allInnerTexts(),
    contents: (args) => at(args).allTextContents(),
    value: (args) => at(args).inputValue(),
    attribute: (args) => at(args).getAttribute(args.name),
    box: (args) => at(args).boundingBox(),
    async download(args) {
        const [file] = await Promise.all([of(args).waitForEvent('download'), at(args).click()]);
        return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
    },
    evaluate: (args) => of(args).evaluate(parsed(args.code), args.arg),
    until: async (args) => void (await of(args).waitForFunction(parsed(args.code), args.arg)),
    media: (args) => of(args).emulateMedia(args.options),
    size: (args) => of(args).setViewportSize(args.options),
    offline: ({ context, offline }) => contexts.get(context).setOffline(offline),
    async picture({ path, options, ...args }) {
        await of(args).evaluate(settled);
        await of(args).screenshot({ path, caret: 'initial', ...options });
    },
    // What axe-core says against the page as it is now.
    async axe(args) {
        const page = of(args);
        await page.evaluate(settled);
        if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
        return violations.map((v) => `${v.id} (${v.impact}): ${v.help}\n` + v.nodes.map((n) => `    ${n.target.flat().join(' ')}: ${n.html.slice(0, 300)}\n      ${(n.failureSummary ?? '').replaceAll('\n', '\n      ')}`).join('\n'));
    },
    // What the page and the browser complained about so far, and forgets it.
    async complaints(args) {
        const { page, said } = pages.get(args.page);
        const reports = await page.evaluate(() => window.testReports.splice(0));
        return [...said.splice(0), ...reports];
    },
    cost: (args) => of(args).evaluate(() => window.testCost),
};

drive({
    async call({ n, op, ...args }) {
        try {
            emit('answer', { n, result: (await ops[op](args)) ?? null });
        } catch (err) {
            emit('answer', { n, error: `${op} ${JSON.stringify(args.at ?? args.url ?? '')}: ${describe(err)}` });
        }
    },
});
