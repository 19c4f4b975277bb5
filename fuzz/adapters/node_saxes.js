// Pipe adapter: saxes, the reader of jsdom and xmpp.js.
"use strict";
const { SaxesParser } = require("saxes");
const { serve, Lines } = require("./pipe.js");

serve((data) => {
  const lines = new Lines();
  let error = null;
  const parser = new SaxesParser({ xmlns: true });
  parser.on("error", (e) => {
    // The position stands before the words.
    error = error ?? e.message.replace(/^\d+:\d+: /, "").replace(/[:"'`<].*/s, "").trim();
  });
  parser.on("opentag", (tag) => {
    const attributes = Object.values(tag.attributes)
      .filter((a) => a.uri !== "http://www.w3.org/2000/xmlns/")
      .map((a) => [a.uri, a.local, a.value]);
    lines.start(tag.uri, tag.local, attributes);
  });
  parser.on("closetag", () => lines.end());
  parser.on("text", (text) => lines.text(text));
  parser.on("cdata", (text) => lines.text(text));
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return "error: not UTF-8";
  }
  parser.write(text).close();
  return error === null ? lines.toString() : "error: " + error;
});
