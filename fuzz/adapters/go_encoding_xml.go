// Pipe adapter: Go's encoding/xml.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"regexp"
	"sort"
	"strings"
	"unicode"
)

func escape(text string, end rune) string {
	var out strings.Builder
	for _, c := range text {
		switch {
		case c == '\n':
			out.WriteString(`\n`)
		case c == '\r':
			out.WriteString(`\r`)
		case c == '\t':
			out.WriteString(`\t`)
		case c == end || c == '\\':
			out.WriteRune('\\')
			out.WriteRune(c)
		case unicode.IsControl(c):
			fmt.Fprintf(&out, `\u{%x}`, c)
		default:
			out.WriteRune(c)
		}
	}
	return out.String()
}

func qualified(ns, name string) string {
	return "{" + escape(ns, '}') + "}" + name
}

// The words of an error without what it quotes from the document.
var quoted = regexp.MustCompile(`[<:&"].*`)

func class(err error) string {
	text := err.Error()
	if syntax, ok := err.(*xml.SyntaxError); ok {
		text = syntax.Msg
	}
	return "error: " + strings.TrimSpace(quoted.ReplaceAllString(text, ""))
}

func read(data []byte) string {
	var lines []string
	text := ""
	depth, roots := 0, 0
	flush := func() {
		if text != "" {
			lines = append(lines, `text "`+escape(text, '"')+`"`)
		}
		text = ""
	}
	decoder := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			// It reads fragments; a document has one root.
			if roots != 1 {
				return "error: not one root"
			}
			return strings.Join(lines, "\n")
		}
		if err != nil {
			return class(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			flush()
			if depth == 0 {
				roots++
			}
			depth++
			line := "start " + qualified(token.Name.Space, token.Name.Local)
			sort.SliceStable(token.Attr, func(i, j int) bool {
				a, b := token.Attr[i].Name, token.Attr[j].Name
				return a.Space < b.Space || a.Space == b.Space && a.Local < b.Local
			})
			for _, a := range token.Attr {
				if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
					continue
				}
				name := a.Name.Local
				if a.Name.Space != "" {
					name = qualified(a.Name.Space, name)
				}
				line += " " + name + `="` + escape(a.Value, '"') + `"`
			}
			lines = append(lines, line)
		case xml.EndElement:
			flush()
			depth--
			lines = append(lines, "end "+qualified(token.Name.Space, token.Name.Local))
		case xml.CharData:
			if depth > 0 {
				text += string(token)
			} else if len(strings.Trim(string(token), " \t\r\n")) > 0 {
				return "error: text outside the root"
			}
		}
	}
}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		var length uint32
		if binary.Read(in, binary.LittleEndian, &length) != nil {
			return
		}
		data := make([]byte, length)
		if _, err := io.ReadFull(in, data); err != nil {
			return
		}
		answer := read(data)
		binary.Write(out, binary.LittleEndian, uint32(len(answer)))
		out.WriteString(answer)
		out.Flush()
	}
}
