// A headless Chromium, driven over a pipe with the DevTools protocol: what a test needs of it, and nothing that has to be installed.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome"];
// Nothing takes that long: it is when the test gives up.
const PATIENCE = 60_000;

export class Browser {
  static async start() {
    for (const program of [process.env.BROWSER, ...PROGRAMS].filter(Boolean)) {
      const browser = new Browser(program);
      if (await browser.running) return browser;
      browser.end();
    }
    return null;
  }

  constructor(program) {
    this.profile = mkdtempSync(join(tmpdir(), "xmppspec-browser-"));
    this.answers = new Map();
    this.listeners = new Set();
    this.last = 0;
    // As root there is no sandbox; the page is our own, and without a network.
    this.child = spawn(program, [
      "--headless=new", "--no-sandbox", "--remote-debugging-pipe", `--user-data-dir=${this.profile}`, "--no-first-run",
      "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], detached: true });
    let rest = "";
    this.child.stdio[4].setEncoding("utf8").on("data", (chunk) => {
      const messages = (rest + chunk).split("\0");
      rest = messages.pop();
      for (const message of messages) this.take(JSON.parse(message));
    });
    this.child.stdio[3].on("error", () => {});
    const gone = new Promise((resolve) => {
      this.child.once("error", () => resolve(false));
      this.child.once("exit", () => resolve(false));
    });
    this.running = Promise.race([gone, this.send("Browser.getVersion").then((version) => { this.version = version.product; return true; })]);
  }

  take(message) {
    if (message.id) {
      const { resolve, reject } = this.answers.get(message.id);
      this.answers.delete(message.id);
      if (message.error) reject(new Error(message.error.message));
      else resolve(message.result);
    } else {
      for (const listener of this.listeners) listener(message);
    }
  }

  send(method, params = {}, sessionId = undefined) {
    this.last += 1;
    const id = this.last;
    this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method} was not answered`)), PATIENCE);
      timer.unref();
      const done = (settle) => (value) => { clearTimeout(timer); settle(value); };
      this.answers.set(id, { resolve: done(resolve), reject: done(reject) });
    });
  }

  async page(width, height, mobile) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId);
    for (const domain of ["Page", "Runtime", "Log", "Network", "Accessibility", "DOM"]) await page.send(`${domain}.enable`);
    await page.send("Emulation.setDeviceMetricsOverride", { width, height, mobile, deviceScaleFactor: mobile ? 2 : 1 });
    return page;
  }

  end() {
    try {
      process.kill(-this.child.pid, "SIGKILL");
    } catch {
      // It has gone, or never came.
    }
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  constructor(browser, session) {
    this.browser = browser;
    this.session = session;
    this.complaints = [];
    this.requests = [];
    this.waiting = new Map();
    browser.listeners.add((message) => {
      if (message.sessionId !== session) return;
      const { method, params } = message;
      if (method === "Runtime.exceptionThrown") this.complaints.push(params.exceptionDetails.exception?.description || params.exceptionDetails.text);
      if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) this.complaints.push(JSON.stringify(params.args));
      if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) this.complaints.push(params.entry.text);
      if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
      this.waiting.get(method)?.();
      this.waiting.delete(method);
    });
  }

  send(method, params) {
    return this.browser.send(method, params, this.session);
  }

  async open(url) {
    const loaded = new Promise((resolve) => { this.waiting.set("Page.loadEventFired", resolve); });
    await this.send("Page.navigate", { url });
    await loaded;
  }

  // The value of an expression in the page; waits for promises.
  async value(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${exceptionDetails.exception?.description || exceptionDetails.text}\nin ${expression}`);
    return result.value;
  }

  // Until an expression is true: looked at with every frame.
  until(expression) {
    return this.value(`new Promise((done) => { const look = () => (${expression}) ? done(true) : requestAnimationFrame(look); look(); })`);
  }

  async click(selector) {
    const { x, y } = await this.value(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      element.scrollIntoView({ block: "center" });
      const box = element.getBoundingClientRect();
      return { x: box.x + Math.min(box.width / 2, 40), y: box.y + Math.min(box.height / 2, 12) };
    })()`);
    for (const type of ["mousePressed", "mouseReleased"]) {
      await this.send("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
    }
  }

  type(text) {
    return this.send("Input.insertText", { text });
  }

  async key(key) {
    const codes = { Enter: 13, Escape: 27, Tab: 9, ArrowDown: 40 };
    const text = key === "Enter" ? "\r" : key.length === 1 ? key : undefined;
    const params = { key, text, windowsVirtualKeyCode: codes[key] || key.toUpperCase().charCodeAt(0) };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...params });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...params });
  }

  // Every node of the accessibility tree that a reader can act on: its role and its name.
  async controls() {
    const { nodes } = await this.send("Accessibility.getFullAXTree");
    const roles = ["button", "link", "searchbox", "textbox", "checkbox", "tab", "DisclosureTriangle", "combobox", "group", "img", "image"];
    return nodes.filter((node) => !node.ignored && roles.includes(node.role?.value))
      .map((node) => ({ role: node.role.value, name: node.name?.value?.trim() || "" }));
  }
}
