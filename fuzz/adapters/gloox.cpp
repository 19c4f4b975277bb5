// Pipe adapter: gloox. It keeps the text of an element apart from its children: what it says is text first.
// c++ gloox.cpp $(pkg-config --cflags --libs gloox)
#include <gloox/parser.h>
#include <gloox/tag.h>
#include <gloox/taghandler.h>
#include <vector>
#include "pipe.h"

using namespace gloox;

struct Root : TagHandler {
	Lines *lines;
	int roots = 0;

	void handleTag(Tag *tag) override {
		roots++;
		walk(tag);
	}

	void walk(const Tag *tag) {
		std::vector<std::string> texts;
		std::vector<Attribute> all;
		texts.reserve(tag->attributes().size() * 3);
		for (const Tag::Attribute *a : tag->attributes()) {
			// A declaration is no attribute; it gives both.
			if (a->name() == "xmlns" || a->prefix() == "xmlns") continue;
			texts.push_back(a->prefix().empty() ? "" : a->xmlns());
			texts.push_back(a->name());
			texts.push_back(a->value());
			size_t n = texts.size();
			all.push_back({texts[n - 3].c_str(), texts[n - 2].c_str(), texts[n - 1].c_str()});
		}
		const std::string ns = tag->xmlns(), name = tag->name(), text = tag->cdata();
		lines_start(lines, ns.c_str(), name.c_str(), all.data(), all.size());
		lines_text(lines, text.data(), text.size());
		for (const Tag *child : tag->children()) walk(child);
		lines_end(lines);
	}
};

static void read_all(const char *document, size_t length, Lines *lines) {
	Root root;
	root.lines = lines;
	Parser parser(&root);
	std::string data(document, length);
	if (parser.feed(data) >= 0) lines_error(lines, "parse error");
	else if (root.roots != 1) lines_error(lines, "not one root");
}

int main() {
	return serve(read_all);
}
