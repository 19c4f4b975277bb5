/* Pipe adapter: GLib's GMarkup, which reads a subset of XML without namespaces: the adapter says of names only what stands there.
   cc gmarkup.c $(pkg-config --cflags --libs glib-2.0) */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	GString *lines, *text;
} Reading;

static void escape(GString *out, const char *text, char end) {
	for (const char *p = text; *p; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		if (c == '\n') g_string_append(out, "\\n");
		else if (c == '\r') g_string_append(out, "\\r");
		else if (c == '\t') g_string_append(out, "\\t");
		else if (c == (gunichar)end || c == '\\') { g_string_append_c(out, '\\'); g_string_append_unichar(out, c); }
		else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) g_string_append_printf(out, "\\u{%x}", c);
		else g_string_append_unichar(out, c);
	}
}

static void flush_text(Reading *r) {
	if (r->text->len == 0) return;
	g_string_append(r->lines, "text \"");
	escape(r->lines, r->text->str, '"');
	g_string_append(r->lines, "\"\n");
	g_string_truncate(r->text, 0);
}

static int by_name(gconstpointer a, gconstpointer b) {
	return strcmp(**(char ***)a, **(char ***)b);
}

static void start(GMarkupParseContext *c, const char *name, const char **names, const char **values, gpointer data, GError **e) {
	Reading *r = data;
	flush_text(r);
	g_string_append_printf(r->lines, "start {}%s", name);
	GPtrArray *all = g_ptr_array_new();
	for (int i = 0; names[i]; i++) {
		const char **pair = g_new(const char *, 2);
		pair[0] = names[i]; pair[1] = values[i];
		g_ptr_array_add(all, pair);
	}
	g_ptr_array_sort(all, by_name);
	for (guint i = 0; i < all->len; i++) {
		const char **pair = all->pdata[i];
		g_string_append_printf(r->lines, " %s=\"", pair[0]);
		escape(r->lines, pair[1], '"');
		g_string_append_c(r->lines, '"');
		g_free(pair);
	}
	g_ptr_array_free(all, TRUE);
	g_string_append_c(r->lines, '\n');
}

static void end(GMarkupParseContext *c, const char *name, gpointer data, GError **e) {
	Reading *r = data;
	flush_text(r);
	g_string_append_printf(r->lines, "end {}%s\n", name);
}

static void text(GMarkupParseContext *c, const char *text, gsize length, gpointer data, GError **e) {
	g_string_append_len(((Reading *)data)->text, text, length);
}

int main(void) {
	const GMarkupParser parser = { start, end, text, NULL, NULL };
	uint32_t length;
	while (fread(&length, 4, 1, stdin) == 1) {
		char *bytes = malloc(length + 1);
		if (fread(bytes, 1, length, stdin) != length) return 0;
		Reading r = { g_string_new(NULL), g_string_new(NULL) };
		GError *error = NULL;
		GMarkupParseContext *context = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, &r, NULL);
		gboolean ok = g_markup_parse_context_parse(context, bytes, length, &error) && g_markup_parse_context_end_parse(context, &error);
		if (!ok) g_string_printf(r.lines, "error: %d", error->code);
		uint32_t size = r.lines->len;
		fwrite(&size, 4, 1, stdout);
		fwrite(r.lines->str, 1, size, stdout);
		fflush(stdout);
		g_clear_error(&error);
		g_markup_parse_context_free(context);
		g_string_free(r.lines, TRUE);
		g_string_free(r.text, TRUE);
		free(bytes);
	}
	return 0;
}
