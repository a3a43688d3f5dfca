/**
 * One visit in Firefox, which Playwright cannot drive as Debian builds it: by WebDriver BiDi.
 *
 *   node firefox.mjs '{"firefox": "/usr/bin/firefox-esr", "url": "https://…", "steps": [["wait", "…"], …]}'
 *
 * Steps: `wait` and `eval` take an expression of the page (`wait` until it is true), `click` an expression that gives an element,
 * `type` such an expression and a text, `pause` milliseconds. Prints one line of JSON: `values` of the `eval` steps in order,
 * everything `said` on the console, and what a policy `refused`. Ends with status 1 and a reason when a step did not succeed.
 */
import puppeteer from '../browser/node_modules/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js';

const { firefox, url, steps } = JSON.parse(process.argv[2]);
// `part('reviews', 'a')`: the first such element in the widget's shadow root.
const EARLY = () => {
  self.part = (type, selector) => document.querySelector(`sumeru-widget[type=${type}]`)?.shadowRoot?.querySelector(selector);
  self.refused = [];
  addEventListener('securitypolicyviolation', (event) => self.refused.push(`${event.effectiveDirective} ${event.blockedURI}`));
};
const STEP_LIMIT_MS = 30_000;

const browser = await puppeteer.launch({ browser: 'firefox', executablePath: firefox, headless: true, protocolTimeout: 60_000 });
try {
  const page = await browser.newPage();
  const said = [];
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => said.push(`exception: ${error.message}`));
  await page.evaluateOnNewDocument(EARLY);
  await page.goto(url, { waitUntil: 'load' });
  const values = [];
  for (const [verb, what, text] of steps) {
    if (verb === 'pause') await new Promise((done) => setTimeout(done, what));
    else if (verb === 'eval') values.push(await page.evaluate(what));
    else if (verb === 'wait') await page.waitForFunction(what, { timeout: STEP_LIMIT_MS }).catch(() => Promise.reject(Error(`not: ${what}`)));
    else {
      const element = (await page.waitForFunction(what, { timeout: STEP_LIMIT_MS })).asElement();
      if (verb === 'click') await element.click();
      else await element.type(text);
    }
  }
  console.log(JSON.stringify({ values, said, refused: await page.evaluate('refused') }));
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
} finally {
  await browser.close();
}
