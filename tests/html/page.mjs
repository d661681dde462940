// Opens pages of the report in a browser, and says on standard error what is wrong with them.
//
//   node page.mjs BROWSER [--hostile PAGE] [--screenshots DIR] PAGE...
//
// Each page is looked at by light and dark, wide and narrow, by keyboard, and as it prints.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// Where the package is installed is said from outside: nothing is installed beside this file.
const require = createRequire(join(process.env.NODE_PATH ?? import.meta.dirname, 'page.mjs'));
const { chromium } = require('playwright-core');

const args = process.argv.slice(2);
const executablePath = args.shift();
const option = (name) => (args[0] === name ? args.splice(0, 2)[1] : undefined);
const hostile = option('--hostile');
const screenshots = option('--screenshots');
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

// Opens a page; whatever it logs, throws or is forbidden to do fails the test.
async function open(file, hash = '', options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, offline: true, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (message) => wrong.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('request', (request) => { if (!request.url().startsWith('file:')) wrong.push(`asks for ${request.url()}`); });
  page.on('dialog', (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(pathToFileURL(file).href + hash);
  const close = async () => {
    assert.deepEqual(await page.evaluate(() => window.violations), [], 'content security policy');
    assert.deepEqual(wrong, [], 'messages of the page');
    await context.close();
  };
  return { page, close };
}

// The principal with the most to show.
const richest = (page) => page.evaluate(() => {
  const all = [...document.querySelectorAll('script.detail')].map((script) => script.textContent.length);
  return `#p${all.indexOf(Math.max(...all))}`;
});

async function shoot(page, name) {
  if (screenshots) await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
}

const unfold = (page) => page.evaluate(() => {
  for (const one of document.querySelectorAll('details')) one.open = true;
});

// Measures the contrast of every text that shows with what is behind it, by the formula of WCAG 2.
function faint() {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const parse = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((at) => top[at] * top[3] + under[at] * (1 - top[3]));
  const behind = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      const color = parse(getComputedStyle(one).backgroundColor);
      layers.unshift(color);
      if (color[3] === 1) break;
    }
    return layers.reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const light = (color) => {
    const [r, g, b] = color.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const bad = [];
  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest('script, style, noscript, title, .away')) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true })) continue;
    const style = getComputedStyle(element);
    const back = behind(element);
    const color = over(parse(element.namespaceURI.endsWith('svg') ? style.fill : style.color), back);
    const [bright, dark] = [light(color), light(back)].sort((a, b) => b - a);
    const contrast = (bright + 0.05) / (dark + 0.05);
    texts += 1;
    if (contrast < 4.5) bad.push(`${contrast.toFixed(2)} ${node.data.trim().slice(0, 40)} (${style.color})`);
  }
  return { texts, bad: [...new Set(bad)] };
}

// Every picture and control has a name, ids are unique, headings skip no level.
function unnamed() {
  const bad = [];
  for (const svg of document.querySelectorAll('svg')) {
    if (svg.getAttribute('role') !== 'img' || !svg.getAttribute('aria-label')) bad.push('a picture without words');
  }
  for (const control of document.querySelectorAll('input, select')) {
    if (!control.labels.length) bad.push(`${control.id} has no label`);
  }
  for (const control of document.querySelectorAll('a, button, summary')) {
    if (!control.textContent.trim()) bad.push(`an empty ${control.localName}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map((one) => one.id);
  bad.push(...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `${id} twice`));
  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4, h5')) {
    if (!heading.checkVisibility()) continue;
    const own = Number(heading.localName[1]);
    if (level && own > level + 1) bad.push(`h${own} after h${level}: ${heading.textContent}`);
    level = own;
  }
  return bad;
}

// Goes through the page by Tab, and returns what the focus never reached or did not show on.
async function missed(page) {
  await page.evaluate(() => {
    document.activeElement?.blur();
    getSelection().removeAllRanges();
    scrollTo(0, 0);
    const all = 'a[href], button, input, select, summary, [tabindex="0"]';
    window.reachable = [...document.querySelectorAll(all)].filter((one) => one.checkVisibility());
    window.reached = new Set();
    window.unseen = [];
  });
  const many = await page.evaluate(() => window.reachable.length);
  assert.ok(many > 3);
  await page.locator('body').press('Home');
  for (let step = 0; step < many + 10; step += 1) {
    await page.keyboard.press('Tab');
    const left = await page.evaluate(() => {
      const one = document.activeElement;
      window.reached.add(one);
      if (one !== document.body && getComputedStyle(one).outlineStyle === 'none') window.unseen.push(one.outerHTML.slice(0, 80));
      return window.reachable.some((other) => !window.reached.has(other));
    });
    if (!left) break;
  }
  return page.evaluate(() => [
    ...window.reachable.filter((one) => !window.reached.has(one)).map((one) => `not reached: ${one.outerHTML.slice(0, 80)}`),
    ...window.unseen.map((text) => `no outline: ${text}`),
  ]);
}

async function looks(file, name) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [1280, 400]) {
      const { page, close } = await open(file, '', { colorScheme, viewport: { width, height: 900 } });
      const fits = async () => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}: wider than ${width}`);
      for (const view of ['', await richest(page)]) {
        await page.goto(pathToFileURL(file).href + view);
        await shoot(page, `${name}-${view ? 'principal' : 'overview'}-${colorScheme}-${width}`);
        await unfold(page);
        const { texts, bad } = await page.evaluate(faint);
        assert.ok(texts > 40, `${texts} texts`);
        assert.deepEqual(bad, [], `contrast, ${colorScheme}`);
        assert.deepEqual(await page.evaluate(unnamed), []);
        await fits();
      }
      await close();
    }
  }
}

async function searches(file) {
  const { page, close } = await open(file);
  const rows = page.locator('#entries tbody tr');
  const all = await rows.count();
  assert.ok(all > 2, `${all} rows`);
  await page.getByLabel('Search').fill('SQS:ReceiveMessage  worker');
  await page.waitForFunction((all) => document.querySelectorAll('#entries tbody tr').length < all, all);
  const some = await rows.count();
  assert.ok(some >= 1);
  assert.ok((await rows.allTextContents()).every((text) => /worker|queue/u.test(text)));
  assert.match(await page.locator('#matches').textContent(), new RegExp(`^${some} of ${all} match`, 'u'));
  assert.equal(await page.locator('#matches').getAttribute('aria-live'), 'polite');
  await page.getByLabel('Search').fill('nothing of this name');
  await page.waitForFunction(() => !document.querySelector('#entries tbody tr'));
  await page.getByLabel('Search').fill('');
  await page.waitForFunction((all) => document.querySelectorAll('#entries tbody tr').length === all, all);
  await page.getByLabel('Kind').selectOption('user');
  assert.ok((await rows.allTextContents()).every((text) => text.includes('User')));
  assert.ok(await rows.count() < all);
  await page.getByLabel('Kind').selectOption('');
  const calls = async () => (await page.locator('#entries td.calls').allTextContents()).map((text) => Number(text.replace(/\D/gu, '')));
  await page.getByRole('button', { name: 'Calls' }).click();
  const sorted = await calls();
  assert.deepEqual(sorted, sorted.toSorted((a, b) => b - a));
  assert.equal(await page.locator('#entries th.calls').getAttribute('aria-sort'), 'descending');
  await close();
}

// All by keyboard: finds a principal, opens it, unfolds a statement, and goes back to where it was.
async function keyboard(file) {
  const { page, close } = await open(file);
  assert.deepEqual(await missed(page), []);
  await page.locator('body').press('Home');
  await page.evaluate(() => document.activeElement.blur());
  const place = await richest(page);
  const link = page.locator(`#entries a[href="${place}"]`);
  await link.focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('#details article h2:focus');
  assert.equal(await page.locator('#overview').isVisible(), false);
  assert.match(await page.title(), /–/u);
  const statement = page.locator('.evidence:has(.use) > summary').first();
  const use = page.locator('.evidence:has(.use)').first().locator('.use').first();
  assert.equal(await use.isVisible(), false);
  await statement.focus();
  await page.keyboard.press('Enter');
  assert.equal(await use.isVisible(), true);
  assert.match(await use.textContent(), /\d calls?, \d{4}-\d\d-\d\d/u);
  await use.locator('summary').focus();
  await page.keyboard.press('Enter');
  assert.equal(await use.locator('.events code').first().isVisible(), true);
  assert.deepEqual(await missed(page), []);
  await page.goBack();
  await page.waitForSelector(`#entries a[href="${place}"]:focus`);
  // What scripts show of a theme, they show by keyboard as well.
  await page.locator('#theme').focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'light');
  await close();
}

// A page learns that it is printed by an event, which may come after whoever changed the medium goes on.
async function shown(page, articles) {
  await page.waitForFunction((wanted) => document.querySelectorAll('#details article').length === wanted, articles);
}

async function prints(file) {
  const { page, close } = await open(file);
  const places = await page.locator('#entries tbody tr').count();
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.locator('.filters').isVisible(), false);
  await shown(page, places);
  assert.equal(await page.locator('details:not([open])').count(), 0);
  assert.ok((await page.pdf()).length > 20_000);
  await page.emulateMedia({ media: 'screen' });
  await shown(page, 0);
  assert.equal(await page.locator('#entries tbody tr').count(), places);
  await close();
}

// What a log holds is text, wherever it is shown.
async function inert(file) {
  const { page, close } = await open(file);
  const many = await page.locator('script.detail').count();
  const scripts = await page.evaluate(() => document.scripts.length);
  assert.equal(scripts, many + 2);
  for (let at = 0; at < many; at += 1) {
    await page.goto(`${pathToFileURL(file).href}#p${at}`);
    await page.waitForSelector('#details article');
    assert.equal(await page.evaluate(() => document.scripts.length), scripts);
    assert.equal(await page.locator('main :is(img, iframe, object, embed, form, style, script)').count(), 0);
  }
  await close();
}

if (hostile) {
  await looks(hostile, 'hostile');
  await inert(hostile);
}
const started = Date.now();
for (const [at, file] of args.entries()) {
  await looks(file, `page-${at + 1}`);
  await searches(file);
  await keyboard(file);
  await prints(file);
  await inert(file);
}
await browser.close();
console.log(`${args.length} pages looked at in ${Math.round((Date.now() - started) / 1000)} s`);
