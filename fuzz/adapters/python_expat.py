"""Pipe adapter: Python's binding of expat (pyexpat), with namespaces."""

import struct
import sys
import unicodedata
from xml.parsers import expat

# No character that XML allows, so that it can stand in no namespace name.
SEPARATOR = "\x0c"


def escape(text, end):
    out = []
    for c in text:
        if c in "\n\r\t":
            out.append({"\n": "\\n", "\r": "\\r", "\t": "\\t"}[c])
        elif c == end or c == "\\":
            out.append("\\" + c)
        elif unicodedata.category(c) == "Cc":
            out.append("\\u{%x}" % ord(c))
        else:
            out.append(c)
    return "".join(out)


def split(name):
    ns, _, local = name.rpartition(SEPARATOR)
    return ns, local


def qualified(ns, name):
    return "{%s}%s" % (escape(ns, "}"), name)


def read(data):
    lines, texts, depth = [], [], 0

    def flush():
        text = "".join(texts)
        texts.clear()
        if text:
            lines.append('text "%s"' % escape(text, '"'))

    def start(name, attributes):
        nonlocal depth
        depth += 1
        flush()
        line = "start " + qualified(*split(name))
        for ns, local, value in sorted((*split(n), v) for n, v in attributes.items()):
            line += " %s=\"%s\"" % (qualified(ns, local) if ns else local, escape(value, '"'))
        lines.append(line)

    def end(name):
        nonlocal depth
        depth -= 1
        flush()
        lines.append("end " + qualified(*split(name)))

    parser = expat.ParserCreate(namespace_separator=SEPARATOR)
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = texts.append
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        return "error: " + expat.ErrorString(error.code)
    except (LookupError, ValueError):
        # From the codecs of Python.
        return "error: unknown encoding"
    return "\n".join(lines)


def main():
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    while head := stdin.read(4):
        answer = read(stdin.read(struct.unpack("<I", head)[0])).encode()
        stdout.write(struct.pack("<I", len(answer)) + answer)
        stdout.flush()


main()
