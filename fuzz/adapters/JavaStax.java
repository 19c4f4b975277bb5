// Pipe adapter: Java's own StAX reader, as Smack uses it; no external entities.

import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import javax.xml.stream.*;

public class JavaStax {
    static String escape(String text, int end) {
        StringBuilder out = new StringBuilder();
        text.codePoints().forEach(c -> {
            if (c == '\n') out.append("\\n");
            else if (c == '\r') out.append("\\r");
            else if (c == '\t') out.append("\\t");
            else if (c == end || c == '\\') out.append('\\').appendCodePoint(c);
            else if (Character.getType(c) == Character.CONTROL) out.append("\\u{").append(Integer.toHexString(c)).append('}');
            else out.appendCodePoint(c);
        });
        return out.toString();
    }

    static String qualified(String ns, String name) {
        return "{" + escape(ns, '}') + "}" + name;
    }

    static String text(String ns) {
        return ns == null ? "" : ns;
    }

    static final XMLInputFactory FACTORY = XMLInputFactory.newFactory();

    static String read(byte[] data) {
        List<String> lines = new ArrayList<>();
        StringBuilder pending = new StringBuilder();
        try {
            XMLStreamReader reader = FACTORY.createXMLStreamReader(new ByteArrayInputStream(data), "UTF-8");
            int depth = 0;
            while (reader.hasNext()) {
                int event = reader.next();
                if ((event == XMLStreamConstants.START_ELEMENT || event == XMLStreamConstants.END_ELEMENT) && pending.length() > 0) {
                    lines.add("text \"" + escape(pending.toString(), '"') + "\"");
                    pending.setLength(0);
                }
                switch (event) {
                    case XMLStreamConstants.START_ELEMENT: {
                        depth++;
                        List<String[]> attributes = new ArrayList<>();
                        for (int i = 0; i < reader.getAttributeCount(); i++) {
                            attributes.add(new String[] {text(reader.getAttributeNamespace(i)), reader.getAttributeLocalName(i), reader.getAttributeValue(i)});
                        }
                        attributes.sort((a, b) -> Arrays.compareUnsigned(
                            (a[0] + "\0" + a[1]).getBytes(StandardCharsets.UTF_8), (b[0] + "\0" + b[1]).getBytes(StandardCharsets.UTF_8)));
                        StringBuilder line = new StringBuilder("start " + qualified(text(reader.getNamespaceURI()), reader.getLocalName()));
                        for (String[] a : attributes) {
                            line.append(' ').append(a[0].isEmpty() ? a[1] : qualified(a[0], a[1])).append("=\"").append(escape(a[2], '"')).append('"');
                        }
                        lines.add(line.toString());
                        break;
                    }
                    case XMLStreamConstants.END_ELEMENT:
                        depth--;
                        lines.add("end " + qualified(text(reader.getNamespaceURI()), reader.getLocalName()));
                        break;
                    case XMLStreamConstants.CHARACTERS:
                    case XMLStreamConstants.CDATA:
                    case XMLStreamConstants.SPACE:
                        if (depth > 0) pending.append(reader.getText());
                        break;
                    default:
                }
            }
            return String.join("\n", lines);
        } catch (XMLStreamException e) {
            // "ParseError at [row,col]:[1,5]\nMessage: words that quote the document"
            String words = e.getMessage().replaceFirst("(?s).*?Message: ", "").replaceAll("(?s)[\"'<:(].*", "").trim();
            return "error: " + words.replaceAll("[0-9]+|[^ -~].*", "");
        } catch (RuntimeException e) {
            return "error: " + e.getClass().getSimpleName();
        }
    }

    public static void main(String[] args) throws IOException {
        // Otherwise it writes to standard error too.
        FACTORY.setXMLReporter((message, type, information, location) -> {});
        FACTORY.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        while (true) {
            byte[] data;
            try {
                data = new byte[Integer.reverseBytes(in.readInt())];
                in.readFully(data);
            } catch (EOFException e) {
                return;
            }
            byte[] answer = read(data).getBytes(StandardCharsets.UTF_8);
            out.writeInt(Integer.reverseBytes(answer.length));
            out.write(answer);
            out.flush();
        }
    }
}
