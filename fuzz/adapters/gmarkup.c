/* Pipe adapter: GLib's GMarkup, which reads a subset of XML without namespaces: the adapter resolves them.
   cc gmarkup.c $(pkg-config --cflags --libs glib-2.0) */
#include <glib.h>
#include "pipe.h"

static void on_start(GMarkupParseContext *c, const char *name, const char **names, const char **values, gpointer lines, GError **e) {
	lines_start_plain(lines, name, names, values, g_strv_length((char **)names));
}

static void on_end(GMarkupParseContext *c, const char *name, gpointer lines, GError **e) {
	lines_end(lines);
}

static void on_text(GMarkupParseContext *c, const char *text, gsize length, gpointer lines, GError **e) {
	lines_text(lines, text, length);
}

static void read(const char *document, size_t length, Lines *lines) {
	const GMarkupParser parser = { on_start, on_end, on_text, NULL, NULL };
	GError *error = NULL;
	GMarkupParseContext *context = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, lines, NULL);
	if (!g_markup_parse_context_parse(context, document, length, &error) || !g_markup_parse_context_end_parse(context, &error)) {
		static const char *const words[] = { "bad UTF-8", "empty", "parse", "unknown element", "unknown attribute", "invalid content" };
		lines_error(lines, error->code < 6 ? words[error->code] : "other");
	}
	g_clear_error(&error);
	g_markup_parse_context_free(context);
}

int main(void) {
	return serve(read);
}
