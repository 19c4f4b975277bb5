#!/usr/bin/env python3
"""Makes seeds: examples from RFCs, and what servers sent in recorded runs. See README.md beside this file.

usage: corpus/seeds.py rfc FILE.txt…          examples into stream/, element/
       corpus/seeds.py results RESULTS.json…  received bytes into stream/, element/
"""

import json
import pathlib
import re
import sys
from xml.parsers import expat

HERE = pathlib.Path(__file__).resolve().parent
# More of the same teaches a fuzzer nothing: bytes of a seed, and seeds of a folder from one source.
MOST_BYTES = 2048
MOST_SEEDS = 250
MOST_STREAMS = 40


def write(folder, name, data, seen):
    """One file for each shape of traffic: the names in it, without values. Of examples every one."""
    shape = data if name.startswith("rfc") else re.sub(rb"=\s*('[^']*'|\"[^\"]*\")|>[^<]*<|\s+", b" ", data)
    source = name.split("-")[0]
    most = MOST_STREAMS if folder == "stream" else MOST_SEEDS
    count = sum(1 for key in seen if key[:2] == (folder, source))
    if not data or len(data) > MOST_BYTES or count >= most or any(key[::2] == (folder, shape) for key in seen):
        return
    seen.add((folder, source, shape))
    path = HERE / folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def paragraphs(text):
    """The paragraphs of an RFC without page breaks; a page break inside an example does not end it."""
    text = re.sub(r"\n+[^\n]*\[Page \d+\]\n\f\n?[^\n]*\n\n?", "\n", text)
    return re.split(r"\n\s*\n", text)


LABEL = re.compile(r"^(   +)(?:([A-Z]{1,2}):)?(\s*)", re.M)


def example(paragraph):
    """The XML of a paragraph, without the labels of who says it and without the margin."""
    lines = paragraph.strip("\n").split("\n")
    if not all(line.startswith("   ") for line in lines if line):
        return None
    lines = [re.sub(r"^   (?:[A-Z]{1,2}:|   ?)? ?", "", line) for line in lines]
    text = "\n".join(lines).strip()
    # A schema is no traffic.
    if not re.match(r"<[/?!a-z]", text) or not text.endswith(">") or "xs:" in text:
        return None
    return text.encode()


def rfc(path, seen):
    name = path.stem
    count = 0
    for paragraph in paragraphs(path.read_text(errors="replace")):
        data = example(paragraph)
        if data:
            count += 1
            is_stream = b"<stream:stream" in data
            write("stream" if is_stream else "element", f"{name}-{count:03}.xml", data, seen)


def children(data):
    """The children of a stream's root, as they were written."""
    parser = expat.ParserCreate()
    depth = 0
    begin = 0
    found = []

    def start(_name, _attributes):
        nonlocal depth, begin
        if depth == 1:
            begin = parser.CurrentByteIndex
        depth += 1

    def end(_name):
        nonlocal depth
        depth -= 1
        if depth == 1:
            at = parser.CurrentByteIndex
            # Before the end tag, or behind the tag of an empty element.
            stop = data.index(b">", at) + 1 if data[at : at + 2] == b"</" else at
            found.append(data[begin:stop])

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        parser.Parse(data, False)
    except expat.ExpatError:
        pass
    return found


def results(path, seen):
    run = json.loads(path.read_text())
    server = run["target"]["name"]
    count = 0
    for case in run["cases"]:
        received = {}
        for entry in case["transcript"]:
            if entry["direction"] == "received" and "text" in entry:
                received.setdefault(entry["actor"], []).append(entry["text"])
        for texts in received.values():
            for stream in re.split(r"(?=<\?xml)", "".join(texts)):
                data = stream.encode()
                count += 1
                write("stream", f"{server}-{count:04}.xml", data, seen)
                for number, child in enumerate(children(data)):
                    # Standing alone it needs what the stream declared.
                    child = re.sub(rb"^<([\w:]+)(?![^>]*\sxmlns=)", rb"<\1 xmlns='jabber:client'", child)
                    child = re.sub(rb"^<stream:(\w+)(?![^>]*\sxmlns:stream=)", rb"<stream:\1 xmlns:stream='http://etherx.jabber.org/streams'", child)
                    write("element", f"{server}-{count:04}-{number}.xml", child, seen)


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("rfc", "results"):
        sys.exit(__doc__)
    seen = set()
    for name in sys.argv[2:]:
        {"rfc": rfc, "results": results}[sys.argv[1]](pathlib.Path(name), seen)


if __name__ == "__main__":
    main()
