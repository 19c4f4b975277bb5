"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const rows = { case: all(".case"), requirement: all(".requirement"), feature: all(".feature") };
  const views = { case: byId("view-cases"), requirement: byId("view-requirements"), feature: byId("view-features") };
  const tabs = { case: byId("tab-cases"), requirement: byId("tab-requirements"), feature: byId("tab-features") };
  if (!views.feature) for (const object of [rows, views, tabs]) delete object.feature;
  const search = byId("search");
  const filters = all("button.filter");
  const piece = Number(byId("piece").textContent);
  const target = document.querySelector("h1").firstChild.textContent.trim();
  let view = null;

  // Everything shown is made of text nodes: what a target sent is never read as markup.
  const make = (name, className, ...children) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };

  // What may have a scroll bar can be reached with the keyboard.
  const scrollable = (element, label) => {
    element.tabIndex = 0;
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", label);
    return element;
  };
  const LONG = 400;

  const unpacked = new Map();
  const unpack = (id) => {
    if (!unpacked.has(id)) {
      const bytes = Uint8Array.from(atob(byId(id).textContent), (c) => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
      unpacked.set(id, new Response(stream).json());
    }
    return unpacked.get(id);
  };

  // Search and filters

  const haystacks = new Map();
  const haystack = (row) => {
    if (!haystacks.has(row)) {
      const button = row.querySelector("button") || row;
      haystacks.set(row, `${button.textContent} ${row.dataset.also || ""}`.toLowerCase());
    }
    return haystacks.get(row);
  };
  // A browser is quick with some hundred rows, not with thousands: the first are shown, the others at a click.
  const FEW = 60;
  const more = make("button", "");
  more.type = "button";
  document.querySelector("main").append(more);
  const apply = (whole = false) => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const groups = new Set(filters.filter((f) => f.dataset.of === view && f.getAttribute("aria-pressed") === "true")
      .map((f) => f.dataset.group));
    const matching = rows[view].filter((row) => (groups.size === 0 || groups.has(row.dataset.group)) &&
      words.every((word) => haystack(row).includes(word)));
    const shown = new Set(whole ? matching : matching.slice(0, FEW));
    for (const row of rows[view]) {
      if (row.hidden === shown.has(row)) row.hidden = !row.hidden;
    }
    for (const group of views[view].querySelectorAll(".group")) {
      group.hidden = !group.querySelector(":scope > ul > li:not([hidden])");
    }
    // Whoever searches wants what is found.
    const overview = views[view].querySelector(".overview");
    if (overview) overview.hidden = words.length > 0 || groups.size > 0;
    more.hidden = shown.size === matching.length;
    more.textContent = `Show all ${matching.length}`;
    byId("shown").textContent = `${matching.length} of ${rows[view].length}${more.hidden ? " shown" : `, the first ${FEW} shown`}`;
  };
  more.addEventListener("click", () => apply(true));
  // What an address names is scrolled to: then all of the view is there.
  const show = (name, whole = false) => {
    view = name;
    for (const other of Object.keys(views)) {
      views[other].hidden = other !== name;
      if (other === name) tabs[other].setAttribute("aria-current", "page");
      else tabs[other].removeAttribute("aria-current");
    }
    for (const filter of filters) filter.hidden = filter.dataset.of !== name;
    apply(whole);
  };
  search.addEventListener("input", () => apply());
  for (const filter of filters) {
    filter.addEventListener("click", () => {
      filter.setAttribute("aria-pressed", String(filter.getAttribute("aria-pressed") !== "true"));
      apply();
    });
  }
  const clear = (whole = false) => {
    search.value = "";
    for (const filter of filters) filter.setAttribute("aria-pressed", "false");
    apply(whole);
  };

  // Expected beside received: words that only one side has are marked.

  const words = (text) => text.match(/\s+|[\p{L}\p{N}_.:-]+|[^]/gu) || [];
  const LIMIT = 1500;
  const compare = (left, right) => {
    let start = 0;
    while (start < left.length && start < right.length && left[start] === right[start]) start += 1;
    let end = 0;
    while (end < left.length - start && end < right.length - start &&
      left[left.length - 1 - end] === right[right.length - 1 - end]) end += 1;
    // A bracket at the end of both says nothing: it may belong to something else there.
    if (!left.slice(left.length - end).some((word) => /[\p{L}\p{N}]/u.test(word))) end = 0;
    const a = left.slice(start, left.length - end);
    const b = right.slice(start, right.length - end);
    const marks = [left.map(() => false), right.map(() => false)];
    const all = a.length > LIMIT || b.length > LIMIT;
    const length = all ? [] : Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
    for (let i = a.length - 1; i >= 0 && !all; i -= 1) {
      for (let j = b.length - 1; j >= 0; j -= 1) {
        length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
      }
    }
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
      if (!all && i < a.length && j < b.length && a[i] === b[j]) {
        i += 1;
        j += 1;
      } else if (j >= b.length || (i < a.length && (all || length[i + 1][j] >= length[i][j + 1]))) {
        marks[0][start + i] = true;
        i += 1;
      } else {
        marks[1][start + j] = true;
        j += 1;
      }
    }
    return marks;
  };
  const marked = (pieces, marks, name) => {
    const pre = make("pre");
    let at = 0;
    while (at < pieces.length) {
      let end = at;
      while (end < pieces.length && marks[end] === marks[at]) end += 1;
      const text = pieces.slice(at, end).join("");
      pre.append(marks[at] ? make(name, "", text) : text);
      at = end;
    }
    return pre;
  };
  const sides = (expected, received) => {
    const box = make("div", "sides");
    const [left, right] = [words(expected || ""), words(received || "")];
    const marks = expected && received ? compare(left, right) : [left.map(() => false), right.map(() => false)];
    box.append(make("div", "", make("h3", "", "Expected"), marked(left, marks[0], "ins")),
      make("div", "", make("h3", "", "Received"), received === null ? make("p", "", "nothing") : marked(right, marks[1], "del")));
    return box;
  };

  // The transcript as a sequence chart: one lane an actor, the target at the right.

  const PAUSE = 500;
  const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);
  const chart = (shown) => {
    const legend = make("div", "actors");
    shown.actors.forEach((actor, n) => legend.append(make("span", "", make("span", `lane l${n % 6}`), actor)));
    legend.append(make("span", "", target));
    const list = make("ol", "chart");
    let before = null;
    for (const [at, actor, layer, arrow, text] of shown.transcript) {
      if (before !== null && at - before > PAUSE) {
        list.append(make("li", "pause", `${duration(at - before)} later`));
      }
      before = at;
      const lanes = make("span", "lanes");
      lanes.setAttribute("aria-hidden", "true");
      shown.actors.forEach((_, n) => lanes.append(make("i", `l${n % 6}${n === actor ? " on" : ""}`)));
      const kind = { "->": "sent", "<-": "received", "--": "note" }[arrow];
      const message = make("div", `message ${layer} ${kind}`);
      if (kind !== "note") {
        const line = make("span", "arrow");
        line.setAttribute("role", "img");
        line.setAttribute("aria-label", kind === "sent" ? "to" : "from");
        const tag = make("span", "tag", { tls: "TLS", mdns: "mDNS" }[layer] || layer);
        message.append(make("div", "who", make("span", "", shown.actors[actor]), line, make("span", "", target), tag));
      }
      const content = make("pre", "", kind === "note" && actor !== null ? `${shown.actors[actor]}: ${text}` : text);
      message.append(text.length > LONG ? scrollable(content, "Long message") : content);
      const end = make("span", "end");
      end.setAttribute("aria-hidden", "true");
      list.append(make("li", "step", make("time", "", `${at.toFixed(1)} ms`), lanes, message, end));
    }
    return [legend, list];
  };

  // A case, opened

  const sentence = (texts, id, verdict) => {
    const info = texts[id] || {};
    const link = info.link ? make("a", "", info.place) : make("span", "", info.place || "");
    if (info.link) {
      link.href = info.link;
      link.rel = "noreferrer";
    }
    const name = make("a", "name", id);
    name.href = `#${encodeURIComponent(id)}`;
    const head = make("p", "", make("span", `mark ${verdict}`, verdict), name, " ",
      make("span", "level", info.level || ""), " ", link);
    const box = make("div", "sentence", head);
    if (info.text) box.append(make("p", "", info.text));
    if (info.quote) box.append(make("blockquote", "", info.quote));
    return box;
  };
  const build = (shown, texts, headline) => {
    const body = make("div", "body");
    if (shown.known) body.append(make("p", "notice", `Known: ${shown.known}`));
    if (shown.attempts.length > 0) {
      body.append(make("p", "", `Verdicts of all attempts: ${[...shown.attempts, shown.verdict].join(", ")}`));
    }
    const is = (...verdicts) => shown.judged.filter(([, verdict]) => verdicts.includes(verdict));
    for (const [id, verdict] of is("fail", "warn", "error")) body.append(sentence(texts, id, verdict));
    if (shown.reason && !headline.includes(shown.reason)) body.append(make("p", "", shown.reason));
    if (shown.expected !== null || shown.received !== null) body.append(sides(shown.expected, shown.received));
    if (shown.diagnostic) body.append(make("h3", "", "Script"), scrollable(make("pre", "script", shown.diagnostic), "Script"));
    else if (shown.at) body.append(make("p", "", `Script: ${shown.at}`));
    const others = (title, verdict) => {
      const list = is(verdict);
      if (list.length > 0) body.append(make("h3", "", title), ...list.map(([id]) => sentence(texts, id, verdict)));
    };
    others("Could not be judged", "blocked");
    if (shown.transcript.length > 0) {
      body.append(make("h3", "", `Transcript (${shown.transcript.length} entries, ${duration(shown.ms)})`), ...chart(shown));
    }
    others("Holds", "pass");
    others("Skipped", "skip");
    return body;
  };
  const open = async (row) => {
    const button = row.querySelector("button");
    if (button.getAttribute("aria-expanded") === "true") return;
    button.setAttribute("aria-expanded", "true");
    const index = Number(row.dataset.case);
    try {
      const [cases, texts] = await Promise.all([unpack(`cases-${Math.floor(index / piece)}`), unpack("texts")]);
      if (button.getAttribute("aria-expanded") === "true" && !row.querySelector(".body")) {
        row.append(build(cases[index % piece], texts, button.textContent));
      }
    } catch (error) {
      row.append(make("div", "body", make("p", "notice bad", `This browser cannot unpack the case: ${error}`)));
    }
  };
  const close = (row) => {
    row.querySelector("button").setAttribute("aria-expanded", "false");
    const body = row.querySelector(".body");
    if (body) body.remove();
  };
  views.case.addEventListener("click", (event) => {
    const button = event.target.closest(".case > button");
    if (!button) return;
    const row = button.parentElement;
    if (button.getAttribute("aria-expanded") === "true") close(row);
    else {
      open(row);
      history.replaceState(null, "", `#case-${row.dataset.case}`);
    }
  });

  // Addresses: #case-12, #RFC6120-4.9.3.6-1, #chapter-3, #requirements, #features

  const goto = () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    const row = rows.case[rows.case.findIndex((r) => `case-${r.dataset.case}` === hash)];
    const requirement = rows.requirement.find((r) => r.dataset.id === hash);
    if (row) {
      show("case", true);
      if (row.hidden) clear(true);
      open(row).then(() => row.scrollIntoView());
      row.querySelector("button").focus({ preventScroll: true });
    } else if (requirement) {
      show("requirement", true);
      if (requirement.hidden) clear(true);
      for (const other of rows.requirement) other.classList.toggle("at", other === requirement);
      requirement.scrollIntoView();
    } else if (hash.startsWith("chapter-")) {
      show("requirement", true);
      const chapter = byId(hash);
      if (chapter) {
        if (chapter.hidden) clear(true);
        chapter.scrollIntoView();
      } else {
        scrollTo(0, 0);
      }
    } else {
      show({ "#requirements": "requirement", "#features": views.feature && "feature" }[location.hash] || "case");
      if (hash) scrollTo(0, 0);
    }
  };
  addEventListener("hashchange", goto);

  // On paper is what is on the screen, and all of the other views.
  addEventListener("beforeprint", () => {
    for (const other of Object.keys(views).filter((name) => name !== view)) {
      for (const part of views[other].querySelectorAll("[hidden]")) part.hidden = false;
    }
    apply(true);
  });

  // Keys

  const step = (by) => {
    const list = rows[view].filter((row) => !row.hidden);
    const focused = document.activeElement && document.activeElement.closest("li.case, li.requirement, li.feature");
    const now = list.indexOf(focused);
    const next = list[now < 0 ? 0 : Math.min(Math.max(now + by, 0), list.length - 1)];
    if (!next) return;
    const stop = next.querySelector("button") || next;
    if (stop === next) next.tabIndex = -1;
    stop.focus();
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      clear();
      search.blur();
    } else if (event.target === search) {
      if (event.key === "Enter" || event.key === "ArrowDown") {
        event.preventDefault();
        search.blur();
        step(1);
      }
    } else if (event.key === "/") {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "j" || event.key === "k") {
      step(event.key === "j" ? 1 : -1);
    }
  });

  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  goto();
})();
