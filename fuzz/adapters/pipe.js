// The pipe protocol and canonical lines for readers in Node.
"use strict";
const fs = require("fs");

function escape(text, end) {
  let out = "";
  for (const c of text) {
    const code = c.codePointAt(0);
    if (c === "\n") out += "\\n";
    else if (c === "\r") out += "\\r";
    else if (c === "\t") out += "\\t";
    else if (c === end || c === "\\") out += "\\" + c;
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) out += "\\u{" + code.toString(16) + "}";
    else out += c;
  }
  return out;
}

const qualified = (ns, name) => "{" + escape(ns, "}") + "}" + name;

class Lines {
  lines = [];
  open = [];
  pending = "";

  start(ns, name, attributes) {
    this.flush();
    const key = ([ns, name]) => Buffer.from(ns + "\0" + name);
    attributes.sort((a, b) => Buffer.compare(key(a), key(b)));
    let line = "start " + qualified(ns, name);
    for (const [ns, name, value] of attributes) {
      line += " " + (ns === "" ? name : qualified(ns, name)) + '="' + escape(value, '"') + '"';
    }
    this.lines.push(line);
    this.open.push("end " + qualified(ns, name));
  }

  text(text) {
    if (this.open.length > 0) this.pending += text;
  }

  end() {
    this.flush();
    this.lines.push(this.open.pop());
  }

  flush() {
    if (this.pending !== "") this.lines.push('text "' + escape(this.pending, '"') + '"');
    this.pending = "";
  }

  toString() {
    return this.lines.join("\n");
  }
}

// Exactly so many bytes of standard input; null at its end.
function take(length) {
  const bytes = Buffer.alloc(length);
  let at = 0;
  while (at < length) {
    let n;
    try {
      n = fs.readSync(0, bytes, at, length - at, null);
    } catch (e) {
      if (e.code === "EAGAIN") continue;
      throw e;
    }
    if (n === 0) return null;
    at += n;
  }
  return bytes;
}

function give(bytes) {
  let at = 0;
  while (at < bytes.length) at += fs.writeSync(1, bytes, at);
}

function serve(read) {
  for (;;) {
    const head = take(4);
    if (head === null) return;
    const length = head.readUInt32LE(0);
    const data = length === 0 ? Buffer.alloc(0) : take(length);
    const answer = Buffer.from(read(data));
    const size = Buffer.alloc(4);
    size.writeUInt32LE(answer.length);
    give(Buffer.concat([size, answer]));
  }
}

module.exports = { Lines, serve };
