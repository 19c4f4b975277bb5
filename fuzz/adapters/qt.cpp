// Pipe adapter: Qt's QXmlStreamReader.
// c++ -fPIC qt.cpp $(pkg-config --cflags --libs Qt5Core)
#include <QtCore/QByteArray>
#include <QtCore/QXmlStreamReader>
#include <vector>
#include "pipe.h"

static void read_all(const char *document, size_t length, Lines *lines) {
	QXmlStreamReader reader(QByteArray(document, int(length)));
	while (!reader.atEnd()) {
		switch (reader.readNext()) {
		case QXmlStreamReader::StartElement: {
			std::vector<QByteArray> texts;
			std::vector<Attribute> all;
			const auto attributes = reader.attributes();
			texts.reserve(attributes.size() * 3);
			for (const auto &a : attributes) {
				for (const auto &part : {a.namespaceUri(), a.name(), a.value()}) texts.push_back(part.toUtf8());
				size_t n = texts.size();
				all.push_back({texts[n - 3].constData(), texts[n - 2].constData(), texts[n - 1].constData()});
			}
			const QByteArray ns = reader.namespaceUri().toUtf8(), name = reader.name().toUtf8();
			lines_start(lines, ns.constData(), name.constData(), all.data(), all.size());
			break;
		}
		case QXmlStreamReader::EndElement:
			lines_end(lines);
			break;
		case QXmlStreamReader::Characters: {
			const QByteArray text = reader.text().toUtf8();
			lines_text(lines, text.constData(), size_t(text.size()));
			break;
		}
		default:
			break;
		}
	}
	static const char *const words[] = {"", "unexpected element", "custom", "not well-formed", "premature end"};
	if (reader.hasError()) lines_error(lines, words[reader.error()]);
}

int main() {
	return serve(read_all);
}
