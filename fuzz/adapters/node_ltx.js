// Pipe adapter: ltx, the element library of xmpp.js, whose parser resolves no namespaces: the adapter does.
"use strict";
const { Parser } = require("ltx");
const { serve, Lines } = require("./pipe.js");

serve((data) => {
  const lines = new Lines();
  const scopes = [{ "": "", xml: "http://www.w3.org/XML/1998/namespace" }];
  let error = null;
  let over = false;
  const parser = new Parser();
  const refuse = (e) => (error = error ?? e.message.replace(/[:"'`<].*/s, "").trim());
  parser.on("error", refuse);
  parser.on("tree", (tree) => {
    over = true;
    walk(tree);
  });
  function start(name, all) {
    const scope = { ...scopes[scopes.length - 1] };
    for (const [name, value] of Object.entries(all)) {
      if (name === "xmlns") scope[""] = value;
      else if (name.startsWith("xmlns:")) scope[name.slice(6)] = value;
    }
    scopes.push(scope);
    const resolve = (name, isAttribute) => {
      const at = name.indexOf(":");
      if (at < 0) return [isAttribute ? "" : scope[""], name];
      return [scope[name.slice(0, at)] ?? "", name.slice(at + 1)];
    };
    const attributes = Object.entries(all)
      .filter(([name]) => name !== "xmlns" && !name.startsWith("xmlns:"))
      .map(([name, value]) => [...resolve(name, true), String(value)]);
    lines.start(...resolve(name, false), attributes);
  }
  function walk(node) {
    if (typeof node === "string") return lines.text(node);
    start(node.name, node.attrs);
    node.children.forEach(walk);
    scopes.pop();
    lines.end();
  }
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return "error: not UTF-8";
  }
  try {
    parser.end(text);
  } catch (e) {
    refuse(e);
  }
  if (error === null && !over) error = "no document";
  return error === null ? lines.toString() : "error: " + error;
});
