#!/bin/bash -eu
# Builds every fuzz target for ClusterFuzzLite and OSS-Fuzz, with its seeds and the dictionary.
cd "$SRC/xmppspec"
cargo fuzz build -O --debug-assertions
for target in $(cargo fuzz list | grep -v _baseline); do
    cp "target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    zip -q -j -r "$OUT/${target}_seed_corpus.zip" "corpus/$target"
    cp corpus/xmpp.dict "$OUT/$target.dict"
done
