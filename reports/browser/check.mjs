#!/usr/bin/env node
// Opens the HTML report in a browser as its readers do, and measures it: `reports/browser/check.mjs XMPPSPEC [FOLDER]`.
// FOLDER keeps pictures of the pages. Ends with 0 if all is well, with 1 if something is not, with 77 where there is no browser.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Browser } from "./browser.mjs";

const CASES = 1500;
// What is promised, and what a busy machine may take: it is measured and printed, and fails only where it is hopeless.
const SIZE = 15_000_000;
const PAINT = { promised: 1000, limit: 10_000 };
const FILTER = { promised: 100, limit: 5000 };
const CONTRAST = 4.5;
// What a finger hits (WCAG 2.2, 2.5.8), in CSS pixels.
const TOUCH = 24;

const [program, pictures] = process.argv.slice(2).map((path) => resolve(path));
if (!program) {
  console.error("usage: reports/browser/check.mjs XMPPSPEC [FOLDER]");
  process.exit(2);
}
const browser = await Browser.start();
if (!browser) {
  console.log("there is no browser here (chromium)");
  process.exit(77);
}
const folder = mkdtempSync(join(tmpdir(), "xmppspec-report-"));
if (pictures) mkdirSync(pictures, { recursive: true });
let failed = 0;
const check = (is, what) => {
  console.log(`${is ? "ok    " : "NOT OK"} ${what}`);
  if (!is) failed += 1;
};
const measured = (what, ms, { promised, limit }) =>
  check(ms < limit, `${what}: ${ms.toFixed(0)} ms${ms < promised ? "" : ` (promised: ${promised} ms)`}`);

// Reports

const xmppspec = (...args) => {
  try {
    execFileSync(program, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  } catch (error) {
    // 1 is a verdict.
    if (error.status !== 1) throw error;
  }
};
const report = (name) => pathToFileURL(join(folder, name)).href;
xmppspec("run", "rfc6120", "--no-world", "-q", "--fault", "condition-host-unknown", "--results", "results.json", "--report", "html=report.html");
const results = JSON.parse(readFileSync(join(folder, "results.json"), "utf8"));
const some = results.cases;
results.cases = Array.from({ length: CASES }, (_, n) => {
  const round = Math.floor(n / some.length);
  const one = some[n % some.length];
  // No two transcripts are the same in a real run.
  const transcript = one.transcript.map((entry) => ({ ...entry, at_ms: entry.at_ms + n / 7 }));
  return { ...one, transcript, name: round === 0 ? one.name : `${one.name}-${round}` };
});
writeFileSync(join(folder, "many.json"), JSON.stringify(results));
xmppspec("report", "many.json", "--report", "html=many.html");

const picture = async (page, name) => {
  if (!pictures) return;
  const { data } = await page.send("Page.captureScreenshot", { format: "png" });
  writeFileSync(join(pictures, `${name}.png`), Buffer.from(data, "base64"));
};
const opened = (name) => `document.querySelector('.case:has(button[aria-expanded="true"])')?.querySelector(".body")?.textContent.includes(${JSON.stringify(name)})`;

// Colours as they are painted, under everything that is behind them.
const CONTRASTS = `(() => {
  const parse = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const over = ([r, g, b, a = 1], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
  const light = (color) => color.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const worst = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ contentVisibilityAuto: false }) || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(element.tagName)) continue;
    const back = behind(element);
    const pair = [light(over(parse(getComputedStyle(element).color), back)), light(back)].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const name = element.tagName.toLowerCase() + (element.className ? "." + String(element.className).replaceAll(" ", ".") : "");
    if (!(worst.get(name) <= ratio)) worst.set(name, ratio);
  }
  return [...worst].sort((a, b) => a[1] - b[1]);
})()`;

try {
  console.log(browser.version);
  for (const [device, width, height, mobile] of [["desktop", 1280, 900, false], ["phone", 390, 844, true]]) {
    for (const scheme of ["light", "dark"]) {
      const page = await browser.page(width, height, mobile);
      await page.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      await page.open(report("report.html"));
      await picture(page, `${device}-${scheme}-cases`);

      // Why does my server fail 4.9.3.6? A click into the search, a click on the case: two of three.
      await page.click("#search");
      await page.type("4.9.3.6");
      await page.click(".case:not([hidden]) > button");
      await page.until(opened("Transcript"));
      const said = await page.value('document.querySelector(".case .body").textContent');
      const answers = ["RFC6120-4.9.3.6-1", "does not correspond to an FQDN", "Expected", "host-unknown", "Received", "bad-format"];
      const missing = answers.filter((answer) => !said.includes(answer));
      check(missing.length === 0, `${device}, ${scheme}: two clicks tell why 4.9.3.6 fails${missing.length ? `; missing: ${missing}` : ""}`);
      await page.value('document.querySelector(".case .body").scrollIntoView()');
      await picture(page, `${device}-${scheme}-case`);

      for (const view of ["cases", "requirements", "features"]) {
        await page.click(`#tab-${view}`);
        await page.until(`!document.getElementById("view-${view}").hidden`);
        await picture(page, `${device}-${scheme}-${view}-view`);
        const nameless = (await page.controls()).filter((control) => control.name === "");
        check(nameless.length === 0, `${device}, ${scheme}, ${view}: every control has a name${nameless.length ? `: ${JSON.stringify(nameless.slice(0, 5))}` : ""}`);
        const [[element, ratio]] = await page.value(CONTRASTS);
        check(ratio >= CONTRAST, `${device}, ${scheme}, ${view}: contrast is ${ratio.toFixed(2)} or more (${element})`);
        const wide = await page.value("document.documentElement.scrollWidth");
        check(wide <= width, `${device}, ${scheme}, ${view}: ${wide} of ${width} pixels wide`);
      }
      if (mobile) {
        await page.click("#tab-cases");
        const small = await page.value(`[...document.querySelectorAll("button, .tabs a, input")].filter((e) => e.checkVisibility())
          .map((e) => [e.textContent.trim().slice(0, 30), e.getBoundingClientRect().height]).filter(([, height]) => height < ${TOUCH})`);
        check(small.length === 0, `${device}, ${scheme}: what is touched is ${TOUCH} pixels high${small.length ? `: ${JSON.stringify(small)}` : ""}`);
      }
      check(page.complaints.length === 0, `${device}, ${scheme}: no errors${page.complaints.length ? `: ${page.complaints.join("; ")}` : ""}`);
      const outside = page.requests.filter((url) => !/^(file|data|about|blob):/.test(url));
      check(outside.length === 0, `${device}, ${scheme}: no requests${outside.length ? `: ${outside}` : ""}`);
    }
  }

  const keys = await browser.page(1280, 900, false);
  await keys.open(report("report.html"));
  const focused = (selector) => keys.value(`document.activeElement?.matches(${JSON.stringify(selector)})`);
  await keys.key("/");
  check(await focused("#search"), "keyboard: / goes to the search");
  await keys.type("host-unknown");
  const shown = await keys.value('document.querySelectorAll("#view-cases .case:not([hidden])").length');
  check(shown > 0 && shown < some.length / 10, `keyboard: what is typed filters (${shown} of ${some.length})`);
  await keys.key("Enter");
  check(await focused(".case:not([hidden]) > button"), "keyboard: Enter goes to the first case");
  await keys.key("Enter");
  await keys.until(opened("Transcript"));
  check(true, "keyboard: Enter opens it");
  await keys.key("j");
  check(await focused(".case:not([hidden]) > button"), "keyboard: j goes to the next");
  await keys.key("Escape");
  const count = `document.querySelectorAll("#view-cases .case:not([hidden])").length`;
  check(await keys.value(`document.getElementById("search").value === "" && ${count} >= 60`), "keyboard: Escape shows all");
  await keys.key("/");
  for (let n = 0; n < 3 && !(await focused("button.filter")); n += 1) await keys.key("Tab");
  check(await focused("button.filter:focus-visible"), "keyboard: Tab goes to the filters, and shows where it is");
  await keys.key("Enter");
  check(await keys.value('document.activeElement.getAttribute("aria-pressed") === "true"'), "keyboard: Enter presses a filter");
  check(await keys.value('/^\\d+ of \\d+.* shown$/.test(document.getElementById("shown").textContent)'), "how many are shown is said");

  await keys.key("Escape");
  await keys.send("Emulation.setEmulatedMedia", { media: "print" });
  await picture(keys, "print");
  const { data } = await keys.send("Page.printToPDF", { printBackground: false });
  check(data.length > 1000, "it can be printed");
  if (pictures) writeFileSync(join(pictures, "print.pdf"), Buffer.from(data, "base64"));

  // Many cases

  const size = statSync(join(folder, "many.html")).size;
  check(size < SIZE, `${CASES} cases with transcripts: ${(size / 1e6).toFixed(1)} MB`);
  const many = await browser.page(1280, 900, false);
  await many.open(report("many.html"));
  await many.until('performance.getEntriesByName("first-contentful-paint").length > 0');
  measured("first paint", await many.value('performance.getEntriesByName("first-contentful-paint")[0].startTime'), PAINT);
  // From the input to the frame that shows what it did.
  const filter = (action) => many.value(`new Promise((done) => {
    const start = performance.now();
    ${action};
    requestAnimationFrame(() => { const channel = new MessageChannel(); channel.port1.onmessage = () => done(performance.now() - start); channel.port2.postMessage(0); });
  })`);
  const search = (text) => filter(`const search = document.getElementById("search"); search.value = ${JSON.stringify(text)}; search.dispatchEvent(new Event("input"))`);
  measured("the first search", await search("4.9.3.6"), FILTER);
  await search("");
  // Of three rounds the quickest counts: the others tell of the machine.
  const view = (name) => filter(`location.hash = "${name}"; dispatchEvent(new Event("hashchange"))`);
  const press = () => filter('document.querySelector("button.filter.pass").click()');
  const actions = [
    ...["r", "rf", "roster", "", "tls", "x", "4.9.3.6"].map((text) => [`the search for "${text}"`, () => search(text)]),
    ["show all", () => search("")], ["a filter", press], ["no filter", press],
    ["all requirements", () => view("requirements")], ["all cases again", () => view("cases")],
  ];
  const times = new Map();
  for (let round = 0; round < 3; round += 1) {
    for (const [what, action] of actions) times.set(what, Math.min(await action(), times.get(what) ?? Infinity));
  }
  for (const [what, ms] of times) measured(what, ms, FILTER);
  await many.click("main > button");
  check(await many.value('!document.querySelector("#view-cases .case[hidden]")'), "a click shows each and every one");
  check(many.complaints.length === 0, `no errors with many cases${many.complaints.length ? `: ${many.complaints.join("; ")}` : ""}`);
} catch (error) {
  check(false, error.stack);
} finally {
  browser.end();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);
